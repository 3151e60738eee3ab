import type { Transact } from '../db/client.ts';
import type { Queue } from '../queue/queue.ts';
import { lockBatches } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';

/** An answer was stored: the preview goes on to what that means, `done` if it was the second. May run again. */
export async function settleAnswer(
  deps: { transact: Transact; queue: Queue },
  call: { batchId: string; previewId: string },
): Promise<void> {
  const { batchId, previewId } = call;
  await deps.transact(async (tx) => {
    await lockBatches(tx, [batchId]);
    await settlePreview(deps, tx, { batchId, previewId, closed: [] });
  });
}
