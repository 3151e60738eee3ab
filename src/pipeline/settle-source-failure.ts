import { type AppError, describeError, type ErrorCode } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { dropped, type Outcome } from '../queue/outcome.ts';
import { requeueSource } from '../sources/requeue-source.ts';
import { type ClaimedSource, isStillClaimed } from './claim-sources.ts';
import { failSource } from './fail-source.ts';
import { lockBatches } from './lock-batches.ts';

/** Readings before a source fails, for errors that may pass. */
const MAX_READINGS = 3;
/** Readings before a source fails, for timeouts: a third one would most likely wait in vain too. */
const MAX_TIMEOUTS = 2;
const RETRY_DELAY_MS = 1000;
/** Longest delay that a shop can ask for: a batch must end within minutes. */
const MAX_RETRY_DELAY_MS = 60_000;

/**
 * Handles a page that could not be used. Reads it again if the error may pass, after a delay or
 * when the shop asks for it; otherwise the source and all its previews become `failed`, each with
 * the reason. Writes nothing if the source no longer belongs to this worker.
 */
export async function settleSourceFailure(
  deps: FeatureDeps,
  source: ClaimedSource,
  error: AppError,
): Promise<Outcome> {
  return deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [source.batchId]);
    if (!(await isStillClaimed(lock, source))) return dropped('deleted, or requeued to another worker');
    if (mayPass(error.code, source.tries)) {
      const backoffMs = RETRY_DELAY_MS * 2 ** (source.tries - 1);
      const delayMs = Math.max(backoffMs, Math.min(error.retryAfterMs ?? 0, MAX_RETRY_DELAY_MS));
      await requeueSource(deps, lock, source, delayMs);
      return { kind: 'retry', error, delayMs };
    }
    await failSource(deps, lock, source, error);
    return { kind: 'failed', error };
  });
}

function mayPass(code: ErrorCode, tries: number): boolean {
  if (describeError(code).retry === 'never') return false;
  return tries < (code === 'page_timeout' ? MAX_TIMEOUTS : MAX_READINGS);
}
