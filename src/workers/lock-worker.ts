import { and, eq, isNull, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { workers } from '../db/schema/workers.ts';

const lockRow = prepareOnce((orm) =>
  orm
    .select({ id: workers.id })
    .from(workers)
    .where(and(eq(workers.id, sql.placeholder('workerId')), isNull(workers.diedAt)))
    .for('key share')
    .prepare('lock_worker'),
);

/**
 * Returns whether this worker counts as alive, and keeps it so until the transaction ends. A claim
 * begins with it: a worker that was marked as dead must take no more work, as no process would
 * rescue it.
 */
export async function lockWorker(tx: Tx, workerId: string): Promise<boolean> {
  return (await lockRow(tx).execute({ workerId })).length > 0;
}
