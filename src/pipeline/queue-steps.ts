import { sql } from 'drizzle-orm';
import { CALL_KINDS, type CallKind } from '../ai-calls/ai-call.ts';
import type { Queue } from '../queue/queue.ts';
import { assignStartTags } from '../workspaces/start-tags.ts';
import type { BatchLock } from './lock-batches.ts';

/** The job that makes one step of a preview once more. */
export const STEP_JOBS = { text: 'preview.prefill', image: 'preview.background' } as const;

/** A step to be made alone, not before `delayMs` from now. */
export interface WaitingStep {
  readonly previewId: string;
  readonly kind: CallKind;
  readonly delayMs: number;
}

/**
 * Queues steps of previews of one batch, each with the workspace's next turn, in their order. A preview stands in the line
 * where its last step does; the claim goes by the jobs. However many there are, as
 * many statements.
 */
export async function queueSteps(
  deps: { queue: Queue },
  lock: BatchLock,
  batch: { batchId: string; workspaceId: string },
  steps: readonly WaitingStep[],
): Promise<void> {
  if (steps.length === 0) return;
  const { batchId, workspaceId } = batch;
  const firstTag = await assignStartTags(lock, workspaceId, steps.length);
  const turns = steps.map((step, i) => ({ ...step, fairTag: firstTag + i }));
  for (const kind of CALL_KINDS) {
    const jobs = turns
      .filter((turn) => turn.kind === kind)
      .map(({ previewId, fairTag, delayMs }) => ({
        payload: { batchId, previewId },
        priority: -fairTag,
        delayMs,
      }));
    await deps.queue.enqueue(lock, STEP_JOBS[kind], jobs);
  }
  const places = [...new Map(turns.map((turn) => [turn.previewId, turn])).values()].map(
    ({ previewId, fairTag, delayMs }) => sql`(${previewId}::uuid, ${fairTag}::int, ${delayMs}::int)`,
  );
  await lock.execute(sql`
    update cta.previews p set
      fair_tag = v.fair_tag, retry_at = clock_timestamp() + make_interval(secs => v.delay_ms / 1000.0)
    from (values ${sql.join(places, sql`, `)}) as v (id, fair_tag, delay_ms) where p.id = v.id`);
}
