import { sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** How long the answer to a request is kept for its repetitions. */
const KEEP_HOURS = 24;

/** Deletes the keys of requests that are older than a day. Returns how many. Idempotent. */
export function deleteOldKeys(deps: Pick<FeatureDeps, 'orm'>): Promise<number> {
  return deleteInSteps(async () => {
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.idempotency_keys where (workspace_id, key) in (
        select workspace_id, key from cta.idempotency_keys
        where created_at < clock_timestamp() - make_interval(hours => ${KEEP_HOURS})
        limit ${DELETE_STEP}
      )`);
    return rowCount ?? 0;
  });
}
