import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import type { Queue } from '../queue/queue.ts';
import { enqueueSources } from './enqueue-sources.ts';

/** A source `running` -> `pending`, with a new job in its old place. The caller holds the batch's lock. */
export async function requeueSource(
  deps: { queue: Queue },
  tx: Tx,
  source: { batchId: string; sourceId: string },
  delayMs: number,
): Promise<void> {
  const { batchId, sourceId } = source;
  const [row] = await tx
    .update(sources)
    .set({ status: 'pending', workerId: null })
    .where(eq(sources.id, sourceId))
    .returning({ workspaceId: sources.workspaceId, fairTag: sources.fairTag });
  // Deleted meanwhile.
  if (!row) return;
  const tags = [{ sourceId, fairTag: row.fairTag ?? 0 }];
  await enqueueSources(deps, tx, { workspaceId: row.workspaceId, batchId, tags, delayMs });
}
