import { type SQL, sql } from 'drizzle-orm';
import type { JobName } from './catalogue.ts';
import { QUEUE_SCHEMA } from './queue.ts';
import type { QueueTx } from './transaction-database.ts';

/** A part of a query: the jobs of these names that wait or will be tried again, as `id` and `payload` (jsonb). */
export function waitingJobs(names: readonly JobName[]): SQL {
  return sql`
    select j.id, j.name, j.data as payload from ${sql.identifier(QUEUE_SCHEMA)}.job j
    where j.name in (${sql.join(
      names.map((name) => sql`${name}`),
      sql`, `,
    )}) and j.state < 'active'`;
}

/** Takes jobs that wait out of the queue, as if they had never been put in. */
export async function removeWaiting(tx: QueueTx, ids: readonly string[]): Promise<void> {
  await tx.$client.query({
    text: `delete from ${QUEUE_SCHEMA}.job where id = any($1::uuid[]) and state < 'active'`,
    values: [ids],
  });
}

/**
 * Takes the jobs of rows that want nothing any more out of the queue; `priorities` are those that the jobs were put in with. One that is
 * being claimed at this moment is left alone: the claim sees that there is nothing to do.
 */
export async function withdrawJobs(
  tx: QueueTx,
  names: readonly JobName[],
  of: { field: 'previewId' | 'sourceId'; ids: readonly string[]; priorities: readonly number[] },
): Promise<void> {
  if (of.ids.length === 0) return;
  await tx.$client.query({
    name: `withdraw_jobs_${of.field}`,
    // By their priority, as there is an index of that (pg-boss takes its jobs by it) and none of what is in them.
    text: `
      delete from ${QUEUE_SCHEMA}.job where (name, id) in (
        select name, id from ${QUEUE_SCHEMA}.job
        where name = any($1) and state < 'active' and not blocked and priority = any($2::int[])
          and data ->> '${of.field}' = any($3::text[])
        for update skip locked
      )`,
    values: [names, of.priorities, of.ids],
  });
}
