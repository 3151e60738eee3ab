import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';

/**
 * The channel that tells workers about a cancellation; the payload is the id of the batch or
 * preview.
 */
export const CANCEL_CHANNEL = 'cta_cancel';

/**
 * On commit, tells all workers to stop their work for a batch or a preview. If a worker misses it,
 * its work goes on, and the result changes no status.
 */
export async function notifyCancel(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`select pg_notify(${CANCEL_CHANNEL}, ${id})`);
}
