import { and, inArray, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from './preview.ts';

/**
 * Any state that is not final -> `cancelled`, for those that `which` names. The caller holds the batch's lock. What is in
 * the queue for them finds nothing to do. Answers how many there were.
 */
export async function cancelPreviews(tx: Tx, which: SQL | undefined): Promise<number> {
  const rows = await tx
    .update(previews)
    .set({
      status: 'cancelled',
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(and(which, inArray(previews.status, UNFINISHED_STATUSES)))
    .returning({ id: previews.id });
  return rows.length;
}
