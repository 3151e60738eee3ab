import { and, inArray, type SQL, sql } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import { PREVIEW_JOBS } from '../queue/catalogue.ts';
import { withdrawJobs } from '../queue/waiting-jobs.ts';
import type { BatchLock } from './lock-batches.ts';

/**
 * Any state that is not final -> `cancelled`, for those that `which` names; the jobs at their
 * places are withdrawn (of two steps that wait for another try, one may stay, and find nothing to do). Answers how many there were.
 */
export async function cancelPreviews(lock: BatchLock, which: SQL | undefined): Promise<number> {
  const rows = await lock
    .update(previews)
    .set({
      status: 'cancelled',
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(and(which, inArray(previews.status, UNFINISHED_STATUSES)))
    .returning({ id: previews.id, fairTag: previews.fairTag });
  await withdrawJobs(lock, PREVIEW_JOBS, {
    field: 'previewId',
    ids: rows.map((row) => row.id),
    priorities: rows.map((row) => -(row.fairTag ?? 0)),
  });
  return rows.length;
}
