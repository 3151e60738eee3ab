import { closeCall } from '../ai-calls/close-call.ts';
import { pauseCalls } from '../ai-calls/pause-calls.ts';
import { recordFailure } from '../ai-calls/record-failure.ts';
import { recordUsage } from '../ai-calls/record-usage.ts';
import type { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { dropped, type Outcome } from '../queue/outcome.ts';
import type { ClaimedCall } from './claim-calls.ts';
import { lockBatches } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';

/**
 * Closes a failed call in the ledger, and brings its preview to another try or to `failed`. A
 * provider that asks us to wait pauses all processes; one that keeps failing opens the breaker
 * (`breakerOpened`). If this worker was marked as dead, the call and its preview stay as they are;
 * only the pause, the reported usage and the breaker are recorded.
 */
export async function settleCallFailure(
  deps: FeatureDeps,
  call: ClaimedCall,
  error: AppError,
): Promise<Outcome & { breakerOpened?: boolean }> {
  const { batchId, previewId, kind } = call;
  if (error.retryAfterMs !== undefined) await pauseCalls(deps.orm, error.retryAfterMs);
  const outcome = await deps.transact<Outcome>(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    // Before `settlePreview`, which adds up the usage of the calls.
    if (error.usage) await recordUsage(tx, call.callId, error.usage);
    const generation = await closeCall(tx, call, error.code);
    if (generation === undefined) return dropped('the call is already closed');
    const steps = await settlePreview(deps, lock, { batchId, previewId, closed: [kind], generation });
    const step = steps?.[kind];
    if (!step) return dropped('the preview is final or deleted');
    return step.state === 'to_try'
      ? { kind: 'retry', error, delayMs: step.delayMs }
      : { kind: 'failed', error };
  });
  // In a transaction of its own: in the lock order, the limit comes before the batches.
  const breakerOpened = await deps.transact((tx) => recordFailure(tx, kind, error.code));
  return { ...outcome, breakerOpened };
}
