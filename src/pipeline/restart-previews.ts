import { and, eq, inArray, sql } from 'drizzle-orm';
import { CALL_KINDS } from '../ai-calls/ai-call.ts';
import { decideSteps, isAnswered, loadCalls, type StepDecisions } from '../ai-calls/decide-steps.ts';
import { batches, sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { enqueueSources } from '../sources/enqueue-sources.ts';
import { assignSourceTags } from '../sources/source-start-tags.ts';
import { nextStartTag } from '../workspaces/start-tags.ts';
import { enqueueStarts } from './enqueue-starts.ts';
import { finishBatch } from './finish-batch.ts';
import { finishPreviews, loadParts } from './finish-previews.ts';
import type { BatchLock } from './lock-batches.ts';
import { queueSteps, type WaitingStep } from './queue-steps.ts';
import { syncStepStatus } from './sync-step-status.ts';

/** Final previews of one batch. */
interface Restart {
  readonly batchId: string;
  readonly workspaceId: string;
  readonly previewIds: readonly string[];
  /**
   * Generates everything again, also what was answered; for example because the image was changed.
   */
  readonly regenerate?: boolean;
}

/**
 * Changes final previews to `queued`, or to `pending` if their page must be read first. A failed or
 * canceled preview begins a new round of tries and keeps its answers. A preview that is `done`
 * begins a new generation, with another variant number so that texts and background differ. Clears
 * the batch's `cancel_requested_at` and `finished_at`.
 */
export async function restartPreviews(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  restart: Restart,
): Promise<void> {
  const { batchId, workspaceId, previewIds, regenerate = false } = restart;
  const isRegenerated = regenerate ? sql`true` : sql`${previews.status} = 'done'`;
  const rows = await lock
    .update(previews)
    .set({
      generation: sql`${previews.generation} + (${isRegenerated})::int`,
      round: sql`${previews.round} + 1`,
      variant: sql`${previews.variant} + case when ${isRegenerated} then ${sources.batchSize} else 0 end`,
      status: sql`case when ${previews.imageId} is null then 'pending' else 'queued' end`,
      nextStep: null,
      retryAt: null,
      errorCode: null,
      errorMessage: null,
      version: sql`${previews.version} + 1`,
      queuedAt: sql`clock_timestamp()`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: null,
    })
    .from(sources)
    .where(and(inArray(previews.id, [...previewIds]), eq(sources.id, previews.sourceId)))
    .returning({
      previewId: previews.id,
      sourceId: previews.sourceId,
      imageId: previews.imageId,
      generation: previews.generation,
      round: previews.round,
    });
  await lock
    .update(batches)
    .set({ cancelRequestedAt: null, finishedAt: null })
    .where(eq(batches.id, batchId));

  const toRead = new Set(rows.filter((row) => row.imageId === null).map((row) => row.sourceId));
  if (toRead.size > 0) await requeueSources(deps, lock, { workspaceId, batchId, sourceIds: [...toRead] });

  // The ids of previews ascend by source and position.
  const ready = rows.filter(({ imageId }) => imageId !== null).toSorted(byId);
  const calls = await loadCalls(
    lock,
    ready.map((row) => row.previewId),
  );
  await continuePreviews(deps, lock, { batchId, workspaceId, decisions: decideSteps(ready, calls) });
}

/**
 * Requeues previews that have an image, without the steps that are answered. In a new round nothing
 * has failed, so a step is answered, under way or to be tried. The number of statements does not
 * grow with the number of previews, as claims wait for the batch lock.
 */
async function continuePreviews(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  group: { batchId: string; workspaceId: string; decisions: ReadonlyMap<string, StepDecisions> },
): Promise<void> {
  const { batchId, workspaceId, decisions } = group;
  const starts: string[] = [];
  const answered: string[] = [];
  const singleSteps: WaitingStep[] = [];
  const others = new Map<string, StepDecisions>();
  for (const [previewId, steps] of decisions) {
    const toTry = CALL_KINDS.flatMap((kind) => {
      const step = steps[kind];
      return step.state === 'to_try' ? [{ previewId, kind, delayMs: step.delayMs }] : [];
    });
    if (toTry.length === CALL_KINDS.length) starts.push(previewId);
    else if (isAnswered(steps)) answered.push(previewId);
    else {
      singleSteps.push(...toTry);
      others.set(previewId, steps);
    }
  }
  await finishPreviews(lock, answered, await loadParts(lock, answered));
  if (answered.length > 0) await finishBatch(deps, lock, batchId);
  await queueSteps(deps, lock, { batchId, workspaceId }, singleSteps);
  await syncStepStatus(lock, others);
  await queueStarts(deps, lock, { batchId, workspaceId, previewIds: starts });
}

async function queueStarts(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  starts: { batchId: string; workspaceId: string; previewIds: readonly string[] },
): Promise<void> {
  const { batchId, workspaceId, previewIds } = starts;
  if (previewIds.length === 0) return;
  const firstTag = await nextStartTag(lock, workspaceId);
  const order = sql.join(
    previewIds.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
  await lock
    .update(previews)
    .set({ startTag: sql`${firstTag}::int + array_position(array[${order}], ${previews.id}) - 1` })
    .where(inArray(previews.id, [...previewIds]));
  await enqueueStarts(deps, lock, { batchId, previewIds, firstTag });
}

const byId = (a: { previewId: string }, b: { previewId: string }): number =>
  a.previewId < b.previewId ? -1 : 1;

/** Changes final sources to `pending`, with all their tries. Leaves others as they are. */
async function requeueSources(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  group: { workspaceId: string; batchId: string; sourceIds: string[] },
): Promise<void> {
  await lock
    .update(sources)
    .set({
      status: 'pending',
      startTag: null,
      attemptsForgiven: sources.attempts,
      errorCode: null,
      errorMessage: null,
      finishedAt: null,
    })
    .where(and(inArray(sources.id, group.sourceIds), inArray(sources.status, ['done', 'failed'])));
  const { workspaceId, batchId } = group;
  await enqueueSources(deps, lock, { workspaceId, batchId, tags: await assignSourceTags(lock, group) });
}
