import { eq, sql } from 'drizzle-orm';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import type { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import type { BatchLock } from './lock-batches.ts';

/** Changes a source and all its unfinished previews to `failed`. */
export async function failSource(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  source: { batchId: string; sourceId: string },
  error: AppError,
): Promise<void> {
  const { batchId, sourceId } = source;
  await lock
    .update(sources)
    .set({
      status: 'failed',
      workerId: null,
      errorCode: error.code,
      errorMessage: error.message,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(eq(sources.id, sourceId));
  const rows = await lock.select({ id: previews.id }).from(previews).where(eq(previews.sourceId, sourceId));
  await failPreviews(
    lock,
    rows.map((row) => row.id),
    error,
  );
  await finishBatch(deps, lock, batchId);
}
