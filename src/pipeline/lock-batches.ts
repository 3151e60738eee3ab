import { eq, sql } from 'drizzle-orm';
import { prepareOnce, recordChange, type Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { pipelined, type Statements } from '../lib/pipelined.ts';

const lockRows = prepareOnce((orm) =>
  orm
    .select({ id: batches.id })
    .from(batches)
    .where(eq(batches.id, sql`any(${sql.placeholder('ids')})`))
    .orderBy(batches.id)
    .for('no key update')
    .prepare('lock_batches'),
);

declare const isLocked: unique symbol;

/**
 * A transaction that holds the lock of batches until it ends. Functions that change the states of a
 * batch's sources or previews take one, so that a call without the lock does not compile.
 */
export type BatchLock = Tx & { readonly [isLocked]: true };

/**
 * Locks batches until the transaction ends. One rule keeps counts and states right: the states of a
 * batch's sources and previews change only under its lock. So two workers that finish the last two
 * previews do so one after the other, and a delete of the batch waits for them.
 *
 * Locks in the order of ids. The caller must not hold a lock of a row of a preview or a call
 * (docs/locking.md). Ignores batches that no longer exist. The commit notifies the streams of the
 * batches.
 */
export async function lockBatches(tx: Tx, batchIds: readonly string[]): Promise<BatchLock> {
  await sendLock(tx, batchIds);
  return tx as BatchLock;
}

/**
 * Sends the lock and then the statements, without waiting for answers in between: the server runs
 * them one after the other, so they run under the lock. See `pipelined`. Returns the lock and the
 * results of the statements.
 */
export async function pipelinedUnderLock<T extends readonly unknown[]>(
  tx: Tx,
  batchIds: readonly string[],
  statements: (lock: BatchLock) => Statements<T>,
): Promise<[BatchLock, ...T]> {
  const lock = tx as BatchLock;
  const [, ...results] = await pipelined<[unknown, ...T]>(() => sendLock(tx, batchIds), ...statements(lock));
  return [lock, ...results];
}

async function sendLock(tx: Tx, batchIds: readonly string[]): Promise<void> {
  if (batchIds.length === 0) return;
  for (const id of batchIds) recordChange(tx, id);
  await lockRows(tx).execute({ ids: [...new Set(batchIds)] });
}
