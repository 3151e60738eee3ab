import { type SQL, sql } from 'drizzle-orm';
import type { JobName } from './catalogue.ts';
import { QUEUE_SCHEMA } from './queue.ts';
import type { QueueTx } from './transaction-database.ts';

/**
 * Returns a part of a query: the jobs of these names that wait or will be retried, as `id`, `name`
 * and `payload` (jsonb).
 */
export function waitingJobs(names: readonly JobName[]): SQL {
  return sql`
    select j.id, j.name, j.data as payload from ${sql.identifier(QUEUE_SCHEMA)}.job j
    where j.name in (${sql.join(
      names.map((name) => sql`${name}`),
      sql`, `,
    )}) and j.state < 'active'`;
}

/** Deletes waiting jobs from the queue, as if they had never been enqueued. */
export async function deleteWaitingJobs(tx: QueueTx, ids: readonly string[]): Promise<void> {
  await tx.$client.query({
    text: `delete from ${QUEUE_SCHEMA}.job where id = any($1::uuid[]) and state < 'active'`,
    values: [ids],
  });
}

/**
 * Deletes the jobs of rows that need no work any more. `priorities` are the priorities with which
 * the jobs were enqueued. Skips a job that is being claimed at this moment: the claim finds that
 * there is nothing to do.
 */
export async function deleteJobsOf(
  tx: QueueTx,
  names: readonly JobName[],
  subjects: { field: 'previewId' | 'sourceId'; ids: readonly string[]; priorities: readonly number[] },
): Promise<void> {
  if (subjects.ids.length === 0) return;
  await tx.$client.query({
    name: `delete_jobs_by_${subjects.field}`,
    // Filters by priority, because pg-boss's fetch index covers it; no index covers the payload.
    text: `
      delete from ${QUEUE_SCHEMA}.job where (name, id) in (
        select name, id from ${QUEUE_SCHEMA}.job
        where name = any($1) and state < 'active' and not blocked and priority = any($2::int[])
          and data ->> '${subjects.field}' = any($3::text[])
        for update skip locked
      )`,
    values: [names, subjects.priorities, subjects.ids],
  });
}
