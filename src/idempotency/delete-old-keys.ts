import { lt, sql } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { idempotencyKeys } from '../db/schema/idempotency-keys.ts';

/** How long an answer is kept for requests that come again. */
const KEEP_HOURS = 24;

/** Deletes the keys of requests that are older than a day. Answers how many. May run again. */
export async function deleteOldKeys(deps: { orm: Orm }): Promise<number> {
  const { rowCount } = await deps.orm
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, sql`clock_timestamp() - make_interval(hours => ${KEEP_HOURS})`));
  return rowCount ?? 0;
}
