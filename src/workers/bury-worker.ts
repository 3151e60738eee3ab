import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { workers } from '../db/schema/workers.ts';

/**
 * Marks a worker as dead. True for exactly one caller, whose transaction then hands the worker's work on; others
 * wait for it and get false.
 */
export async function buryWorker(tx: Tx, workerId: string): Promise<boolean> {
  const rows = await tx
    .update(workers)
    .set({ diedAt: sql`clock_timestamp()` })
    .where(and(eq(workers.id, workerId), isNull(workers.diedAt)))
    .returning({ id: workers.id });
  return rows.length > 0;
}
