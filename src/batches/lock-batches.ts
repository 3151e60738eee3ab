import { inArray } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';

/**
 * Locks batches until the transaction ends. The one rule that keeps counts and states right: the states of a
 * batch's sources and previews change only under its lock. So two workers that finish the last two previews come
 * one after the other, and a delete of the batch waits for them. Always in the order of ids, and before any row of
 * a preview or a call, so that nobody waits crosswise. Batches that are gone are left out of the answer.
 */
export async function lockBatches(tx: Tx, batchIds: readonly string[]): Promise<Set<string>> {
  if (batchIds.length === 0) return new Set();
  const rows = await tx
    .select({ id: batches.id })
    .from(batches)
    .where(inArray(batches.id, [...new Set(batchIds)]))
    .orderBy(batches.id)
    .for('no key update');
  return new Set(rows.map((row) => row.id));
}
