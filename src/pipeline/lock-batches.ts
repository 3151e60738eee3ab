import { eq, sql } from 'drizzle-orm';
import { noteChange, prepareOnce, type Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';

const lock = prepareOnce((orm) =>
  orm
    .select({ id: batches.id })
    .from(batches)
    .where(eq(batches.id, sql`any(${sql.placeholder('ids')})`))
    .orderBy(batches.id)
    .for('no key update')
    .prepare('lock_batches'),
);

/**
 * Locks batches until the transaction ends. The one rule that keeps counts and states right: the states of a
 * batch's sources and previews change only under its lock. So two workers that finish the last two previews come
 * one after the other, and a delete of the batch waits for them. Always in the order of ids, and before any row of
 * a preview or a call, so that nobody waits crosswise. Batches that are gone are left out of the answer.
 *
 * What is sent after the call, pipelined with it, runs under the lock. Who watches the batches is told by the commit.
 */
export async function lockBatches(tx: Tx, batchIds: readonly string[]): Promise<Set<string>> {
  if (batchIds.length === 0) return new Set();
  for (const id of batchIds) noteChange(tx, id);
  const rows = await lock(tx).execute({ ids: [...new Set(batchIds)] });
  return new Set(rows.map((row) => row.id));
}
