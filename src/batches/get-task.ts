import { and, eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { type Task, toTaskStatus } from './batch.ts';
import { getBatch } from './get-batch.ts';

const byTask = prepareOnce((orm) =>
  orm
    .select({ id: batches.id })
    .from(batches)
    .where(
      and(
        eq(batches.taskId, sql.placeholder('taskId')),
        eq(batches.workspaceId, sql.placeholder('workspaceId')),
      ),
    )
    .prepare('find_batch_by_task'),
);

/** Returns the task of a batch, which the original front end polls. Throws `not_found`. */
export async function getTask(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; taskId: string },
): Promise<Task> {
  const { workspaceId, taskId } = options;
  const [row] = isId(taskId) ? await byTask(deps.orm).execute({ taskId, workspaceId }) : [];
  if (!row) throw new AppError('not_found', { detail: 'There is no task with this id.' });
  const batch = await getBatch(deps, { workspaceId, id: row.id });
  return { taskId, status: toTaskStatus(batch.status), bulkGenerateTaskId: batch.id };
}
