import { and, eq, isNull } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { workers } from '../db/schema/workers.ts';

/**
 * Whether this worker counts as alive, and keeps it so until the transaction ends. A claim begins with it: one that has
 * been taken for dead must take nothing more, as nobody would look for what it took.
 */
export async function holdWorker(tx: Tx, workerId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: workers.id })
    .from(workers)
    .where(and(eq(workers.id, workerId), isNull(workers.diedAt)))
    .for('key share');
  return rows.length > 0;
}
