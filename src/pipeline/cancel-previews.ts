import { and, inArray, type SQL, sql } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import { PREVIEW_JOBS } from '../queue/catalogue.ts';
import { deleteJobsOf } from '../queue/waiting-jobs.ts';
import type { BatchLock } from './lock-batches.ts';

/**
 * Changes the previews that match `condition` and are not final to `cancelled`, and withdraws their
 * jobs. If both steps of a preview wait for another try, the job of one may stay; its claim finds
 * nothing to do. Returns how many previews it canceled.
 */
export async function cancelPreviews(lock: BatchLock, condition: SQL | undefined): Promise<number> {
  const rows = await lock
    .update(previews)
    .set({
      status: 'cancelled',
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(and(condition, inArray(previews.status, UNFINISHED_STATUSES)))
    .returning({ id: previews.id, startTag: previews.startTag });
  await deleteJobsOf(lock, PREVIEW_JOBS, {
    field: 'previewId',
    ids: rows.map((row) => row.id),
    priorities: rows.map((row) => -(row.startTag ?? 0)),
  });
  return rows.length;
}
