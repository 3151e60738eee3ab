import { and, inArray, sql } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import type { AppError } from '../lib/app-error.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { BatchLock } from './lock-batches.ts';

/** Changes previews that are not final to `failed`, with the reason. Idempotent. */
export async function failPreviews(
  lock: BatchLock,
  previewIds: readonly string[],
  error: AppError,
): Promise<void> {
  if (previewIds.length === 0) return;
  await lock
    .update(previews)
    .set({
      status: 'failed',
      errorCode: error.code,
      errorMessage: error.message,
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(and(inArray(previews.id, [...previewIds]), inArray(previews.status, UNFINISHED_STATUSES)));
}
