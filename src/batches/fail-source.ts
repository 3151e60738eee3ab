import { eq, sql } from 'drizzle-orm';
import type { Transact, Tx } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { type AppError, describeError, type ErrorCode } from '../lib/app-error.ts';
import { failPreviews } from '../previews/fail-previews.ts';
import { dropped, type Outcome } from '../queue/outcome.ts';
import type { Queue } from '../queue/queue.ts';
import { heldBy } from './assign-pictures.ts';
import type { ClaimedSource } from './claim-sources.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';

/** Readings of a page before it is given up, when the trouble may pass by itself. */
export const MAX_SOURCE_ATTEMPTS = 3;
/** A shop that let us wait until the time-out once more is not asked a third time. */
const MAX_TIMEOUTS = 2;
const RETRY_DELAY_MS = 1000;

/**
 * A page could not be used. What may pass by itself is tried again a little later; otherwise the source is `failed`
 * and so are all its previews, each with the reason. Writes nothing if the source is no longer this worker's.
 */
export async function settleSourceFailure(
  deps: { transact: Transact; queue: Queue },
  source: ClaimedSource,
  error: AppError,
): Promise<Outcome> {
  return deps.transact(async (tx) => {
    await lockBatches(tx, [source.batchId]);
    const [held] = await tx.select({ id: sources.id }).from(sources).where(heldBy(source));
    if (!held) return dropped('deleted, or handed to another worker');
    if (mayPass(error.code, source.attempt)) {
      const delayMs = RETRY_DELAY_MS * 2 ** (source.attempt - 1);
      await requeueSource(deps, tx, source, delayMs);
      return { kind: 'retry', error, delayMs };
    }
    await failSource(tx, source, error);
    return { kind: 'failed', error };
  });
}

/** `running` -> `pending`, with a new job. The caller holds the batch's lock. */
export async function requeueSource(
  deps: { queue: Queue },
  tx: Tx,
  source: { batchId: string; sourceId: string },
  delayMs: number,
): Promise<void> {
  const { batchId, sourceId } = source;
  await tx.update(sources).set({ status: 'pending', workerId: null }).where(eq(sources.id, sourceId));
  await deps.queue.enqueue(tx, 'source.process', [{ payload: { batchId, sourceId }, delayMs }]);
}

/** -> `failed`, with all its previews. The caller holds the batch's lock. */
export async function failSource(
  tx: Tx,
  source: { batchId: string; sourceId: string },
  error: AppError,
): Promise<void> {
  const { batchId, sourceId } = source;
  await tx
    .update(sources)
    .set({
      status: 'failed',
      workerId: null,
      errorCode: error.code,
      errorMessage: error.message,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(eq(sources.id, sourceId));
  const rows = await tx.select({ id: previews.id }).from(previews).where(eq(previews.sourceId, sourceId));
  await failPreviews(
    tx,
    rows.map((row) => row.id),
    error,
  );
  await finishBatch(tx, batchId);
}

function mayPass(code: ErrorCode, attempt: number): boolean {
  if (describeError(code).retry === 'never') return false;
  return attempt < (code === 'page_timeout' ? MAX_TIMEOUTS : MAX_SOURCE_ATTEMPTS);
}
