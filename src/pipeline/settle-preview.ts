import { eq } from 'drizzle-orm';
import type { CallKind } from '../ai-calls/ai-call.ts';
import { decideSteps, isAnswered, loadCalls, type StepDecisions } from '../ai-calls/decide-steps.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { isFinal } from '../previews/preview.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import { finishPreviews, loadParts } from './finish-previews.ts';
import type { BatchLock } from './lock-batches.ts';
import { queueSteps } from './queue-steps.ts';
import { refreshUsage } from './refresh-usage.ts';
import { syncStepStatus } from './sync-step-status.ts';

/**
 * Brings a preview to the status that its calls in the ledger mean: `done` if both steps are
 * answered, `failed` if one has failed for good, `running` while a call is under way, else
 * `queued`. Idempotent; leaves a preview alone if it is final or gone.
 *
 * `closed`: the steps whose call was closed in this transaction. Only these get a new job if
 * another try is allowed: every other step already has its job. If the call belongs to an older
 * `generation` of the preview, both steps have their jobs.
 *
 * Returns the decision on each step, or undefined if there was nothing to settle.
 */
export async function settlePreview(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  preview: { batchId: string; previewId: string; closed: readonly CallKind[]; generation?: number },
): Promise<StepDecisions | undefined> {
  const { batchId, previewId, generation } = preview;
  const [row] = await lock
    .select({
      status: previews.status,
      generation: previews.generation,
      round: previews.round,
      workspaceId: previews.workspaceId,
    })
    .from(previews)
    .where(eq(previews.id, previewId))
    // Keeps the preview from being deleted (with its product) until the transaction ends.
    .for('key share');
  if (!row || isFinal(row.status)) {
    await refreshUsage(lock, previewId);
    // If the preview was deleted, its batch may have nothing left to wait for.
    await finishBatch(deps, lock, batchId);
    return undefined;
  }
  const closed = (generation ?? row.generation) === row.generation ? preview.closed : [];
  const steps = decideSteps([{ previewId, ...row }], await loadCalls(lock, [previewId])).get(previewId);
  if (!steps) throw new Error(`no decision about the steps of preview ${previewId}`);
  if (isAnswered(steps)) {
    await finishPreviews(lock, [previewId], await loadParts(lock, [previewId]));
    await finishBatch(deps, lock, batchId);
    return steps;
  }
  const decisions = Object.values(steps);
  // While the other call is under way, the usage can be added up later.
  const isOtherRunning = closed.length === 0 && decisions.some((decision) => decision.state === 'under_way');
  if (!isOtherRunning) await refreshUsage(lock, previewId);
  const failure = decisions.find((decision) => decision.state === 'failed');
  if (failure?.state === 'failed') {
    await failPreviews(lock, [previewId], new AppError(failure.code));
    await finishBatch(deps, lock, batchId);
  } else {
    const toQueue = closed.flatMap((kind) => {
      const step = steps[kind];
      return step.state === 'to_try' ? [{ previewId, kind, delayMs: step.delayMs }] : [];
    });
    await queueSteps(deps, lock, { batchId, workspaceId: row.workspaceId }, toQueue);
    await syncStepStatus(lock, new Map([[previewId, steps]]));
  }
  return steps;
}
