import { eq } from 'drizzle-orm';
import { sources } from '../db/schema/batches.ts';
import type { BatchLock } from '../pipeline/lock-batches.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { enqueueSources } from './enqueue-sources.ts';

/** Changes a source to `pending`, with a new job that has its old start tag. */
export async function requeueSource(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  source: { batchId: string; sourceId: string },
  delayMs: number,
): Promise<void> {
  const { batchId, sourceId } = source;
  const [row] = await lock
    .update(sources)
    .set({ status: 'pending', workerId: null })
    .where(eq(sources.id, sourceId))
    .returning({ workspaceId: sources.workspaceId, startTag: sources.startTag });
  // It was deleted meanwhile.
  if (!row) return;
  const tags = [{ sourceId, startTag: row.startTag ?? 0 }];
  await enqueueSources(deps, lock, { workspaceId: row.workspaceId, batchId, tags, delayMs });
}
