import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';

/** The channel on which a cancellation reaches the workers; the payload is the id of the batch or of the preview. */
export const CANCEL_CHANNEL = 'cta_cancel';

/**
 * Tells all workers, when the transaction commits, to end what they do for a batch or a preview. One that does not hear
 * it works on, and nothing comes of it.
 */
export async function notifyCancel(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`select pg_notify(${CANCEL_CHANNEL}, ${id})`);
}
