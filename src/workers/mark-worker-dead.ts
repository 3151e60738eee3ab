import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { workers } from '../db/schema/workers.ts';

/**
 * Marks a worker as dead. Returns true for exactly one caller, whose transaction must then requeue
 * the worker's work; others wait for it and get false. Waits for claims of the worker that are
 * about to commit (`lockWorker`), so that the caller finds all of its work.
 */
export async function markWorkerDead(tx: Tx, workerId: string): Promise<boolean> {
  const isAlive = and(eq(workers.id, workerId), isNull(workers.diedAt));
  await tx.select({ id: workers.id }).from(workers).where(isAlive).for('update');
  const rows = await tx
    .update(workers)
    .set({ diedAt: sql`clock_timestamp()` })
    .where(isAlive)
    .returning({ id: workers.id });
  return rows.length > 0;
}
