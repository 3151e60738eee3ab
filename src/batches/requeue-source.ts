import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import type { Queue } from '../queue/queue.ts';

/** A source `running` -> `pending`, with a new job. The caller holds the batch's lock. */
export async function requeueSource(
  deps: { queue: Queue },
  tx: Tx,
  source: { batchId: string; sourceId: string },
  delayMs: number,
): Promise<void> {
  const { batchId, sourceId } = source;
  await tx.update(sources).set({ status: 'pending', workerId: null }).where(eq(sources.id, sourceId));
  await deps.queue.enqueue(tx, 'source.process', [{ payload: { batchId, sourceId }, delayMs }]);
}
