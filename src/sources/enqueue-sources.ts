import type { Tx } from '../db/client.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** Enqueues the jobs that read pages; jobs with smaller start tags are taken first. */
export async function enqueueSources(
  deps: Pick<FeatureDeps, 'queue'>,
  tx: Tx,
  options: {
    workspaceId: string;
    batchId: string;
    tags: readonly { sourceId: string; startTag: number }[];
    delayMs?: number;
  },
): Promise<void> {
  const { workspaceId, batchId, tags, delayMs = 0 } = options;
  await deps.queue.enqueue(
    tx,
    'source.process',
    tags.map(({ sourceId, startTag }) => ({
      payload: { batchId, sourceId },
      priority: -startTag,
      owner: workspaceId,
      ...(delayMs > 0 ? { delayMs } : {}),
    })),
  );
}
