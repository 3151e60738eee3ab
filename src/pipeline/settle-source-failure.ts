import type { Transact } from '../db/client.ts';
import { type AppError, describeError, type ErrorCode } from '../lib/app-error.ts';
import { dropped, type Outcome } from '../queue/outcome.ts';
import type { Queue } from '../queue/queue.ts';
import { requeueSource } from '../sources/requeue-source.ts';
import { type ClaimedSource, isHeld } from './claim-sources.ts';
import { failSource } from './fail-source.ts';
import { lockBatches } from './lock-batches.ts';

/** Readings of a page before it is given up, when the trouble may pass by itself. */
const MAX_READINGS = 3;
/** A shop that let us wait until the time-out once more is not asked a third time. */
const MAX_TIMEOUTS = 2;
const RETRY_DELAY_MS = 1000;
/** A shop that wants us to stay away for longer is asked after this all the same: a batch is to end within minutes. */
const MAX_RETRY_DELAY_MS = 60_000;

/**
 * A page could not be used. What may pass by itself is tried again a little later, or when the shop asks us to; otherwise the source is `failed`
 * and so are all its previews, each with the reason. Writes nothing if the source is no longer this worker's.
 */
export async function settleSourceFailure(
  deps: { transact: Transact; queue: Queue },
  source: ClaimedSource,
  error: AppError,
): Promise<Outcome> {
  return deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [source.batchId]);
    if (!(await isHeld(lock, source))) return dropped('deleted, or handed to another worker');
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
