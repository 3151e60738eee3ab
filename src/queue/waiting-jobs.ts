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
