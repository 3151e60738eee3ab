import { sql } from 'drizzle-orm';
import { CALL_KINDS, type CallKind } from '../ai-calls/ai-call.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { assignStartTags } from '../workspaces/start-tags.ts';
import type { BatchLock } from './lock-batches.ts';

/** The job that makes one step of a preview again. */
export const STEP_JOBS = { text: 'preview.prefill', image: 'preview.background' } as const;

/** One step that is made again without the other one, at the earliest in `delayMs`. */
export interface WaitingStep {
  readonly previewId: string;
  readonly kind: CallKind;
  readonly delayMs: number;
}

/**
 * Queues steps of previews of one batch in the given order, each with the workspace's next start
 * tag. Claims follow the priorities of the jobs. The row of a preview gets the tag of its last
 * step, from which its queue position is computed. The number of statements does not grow with the
 * number of steps.
 */
export async function queueSteps(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  batch: { batchId: string; workspaceId: string },
  steps: readonly WaitingStep[],
): Promise<void> {
  if (steps.length === 0) return;
  const { batchId, workspaceId } = batch;
  const firstTag = await assignStartTags(lock, workspaceId, steps.length);
  const taggedSteps = steps.map((step, i) => ({ ...step, startTag: firstTag + i }));
  for (const kind of CALL_KINDS) {
    const jobs = taggedSteps
      .filter((taggedStep) => taggedStep.kind === kind)
      .map(({ previewId, startTag, delayMs }) => ({
        payload: { batchId, previewId },
        priority: -startTag,
        delayMs,
      }));
    await deps.queue.enqueue(lock, STEP_JOBS[kind], jobs);
  }
  const values = [
    ...new Map(taggedSteps.map((taggedStep) => [taggedStep.previewId, taggedStep])).values(),
  ].map(({ previewId, startTag, delayMs }) => sql`(${previewId}::uuid, ${startTag}::int, ${delayMs}::int)`);
  await lock.execute(sql`
    update cta.previews p set
      start_tag = v.start_tag, retry_at = clock_timestamp() + make_interval(secs => v.delay_ms / 1000.0)
    from (values ${sql.join(values, sql`, `)}) as v (id, start_tag, delay_ms) where p.id = v.id`);
}
