import { and, eq, inArray, notExists, sql } from 'drizzle-orm';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import type { BatchLock } from '../pipeline/lock-batches.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import { deleteJobsOf } from '../queue/waiting-jobs.ts';

/**
 * Changes the unread sources of a batch to `failed` (`cancelled`) if all their previews are final,
 * and withdraws their jobs. Returns the ids of these sources.
 */
export async function stopSources(lock: BatchLock, batchId: string): Promise<string[]> {
  const { code, message } = new AppError('cancelled');
  const unfinished = lock
    .select({ one: sql`1` })
    .from(previews)
    .where(and(eq(previews.sourceId, sources.id), inArray(previews.status, UNFINISHED_STATUSES)));
  const rows = await lock
    .update(sources)
    .set({
      status: 'failed',
      workerId: null,
      errorCode: code,
      errorMessage: message,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(
      and(
        eq(sources.batchId, batchId),
        inArray(sources.status, ['pending', 'running']),
        notExists(unfinished),
      ),
    )
    .returning({ id: sources.id, startTag: sources.startTag });
  const ids = rows.map((row) => row.id);
  await deleteJobsOf(lock, ['source.process'], {
    field: 'sourceId',
    ids,
    priorities: rows.map((row) => -(row.startTag ?? 0)),
  });
  return ids;
}
