import { eq } from 'drizzle-orm';
import type { CallKind } from '../ai-calls/ai-call.ts';
import { decideSteps, isAnswered, loadCalls, type StepDecisions } from '../ai-calls/decide-steps.ts';
import type { Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { isFinal, type PreviewStatus } from '../previews/preview.ts';
import type { Queue } from '../queue/queue.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import { finishPreviews, loadParts } from './finish-previews.ts';
import { queueSteps } from './queue-steps.ts';
import { refreshUsage } from './refresh-usage.ts';
import { syncStepStatus } from './sync-step-status.ts';

/**
 * Brings a preview to the state that its calls on the ledger mean: `done` when both steps are answered, `failed`
 * when one has failed for good, `running` while a call is under way, else `queued`. The caller holds the batch's
 * lock. May run again; a preview that is final or gone is left alone.
 *
 * `closed`: the steps whose call has just been closed in this transaction. Those that may be tried again get their
 * job here, and only those: the job of any other step is in the queue already. So are those of both when the call was for an
 * older `generation` than the preview has by now.
 *
 * Answers what each step has come to, or undefined if there was nothing to settle.
 */
export async function settlePreview(
  deps: { queue: Queue },
  tx: Tx,
  preview: { batchId: string; previewId: string; closed: readonly CallKind[]; generation?: number },
): Promise<StepDecisions | undefined> {
  const { batchId, previewId, generation } = preview;
  const [row] = await tx
    .select({
      status: previews.status,
      generation: previews.generation,
      round: previews.round,
      workspaceId: previews.workspaceId,
    })
    .from(previews)
    .where(eq(previews.id, previewId))
    // Not deleted (with its product) before this is through.
    .for('key share');
  if (!row || isFinal(row.status as PreviewStatus)) {
    await refreshUsage(tx, previewId);
    // Its deletion may have left the batch with nothing to wait for.
    await finishBatch(deps, tx, batchId);
    return undefined;
  }
  const closed = (generation ?? row.generation) === row.generation ? preview.closed : [];
  const steps = decideSteps([{ previewId, ...row }], await loadCalls(tx, [previewId])).get(previewId);
  if (!steps) throw new Error(`preview ${previewId} was not judged`);
  if (isAnswered(steps)) {
    await finishPreviews(tx, [previewId], await loadParts(tx, [previewId]));
    await finishBatch(deps, tx, batchId);
    return steps;
  }
  const verdicts = Object.values(steps);
  // While the other call is under way nothing is lost by adding up later.
  const isHalfway = closed.length === 0 && verdicts.some((verdict) => verdict.state === 'under_way');
  if (!isHalfway) await refreshUsage(tx, previewId);
  const failure = verdicts.find((verdict) => verdict.state === 'failed');
  if (failure?.state === 'failed') {
    await failPreviews(tx, [previewId], new AppError(failure.code));
    await finishBatch(deps, tx, batchId);
  } else {
    const waiting = closed.flatMap((kind) => {
      const step = steps[kind];
      return step.state === 'to_try' ? [{ previewId, kind, delayMs: step.delayMs }] : [];
    });
    await queueSteps(deps, tx, { batchId, workspaceId: row.workspaceId }, waiting);
    await syncStepStatus(tx, new Map([[previewId, steps]]));
  }
  return steps;
}
