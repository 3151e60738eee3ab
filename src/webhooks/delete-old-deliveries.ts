import { sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Deletes deliveries that were created, and last tried, longer ago than `keepMs`. Returns how many.
 */
export function deleteOldDeliveries(
  deps: Pick<FeatureDeps, 'orm'>,
  { keepMs }: { keepMs: number },
): Promise<number> {
  const before = sql`clock_timestamp() - make_interval(secs => ${keepMs} / 1000.0)`;
  return deleteInSteps(async () => {
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.webhook_deliveries where id in (
        select id from cta.webhook_deliveries
        where created_at < ${before} and coalesce(attempted_at, created_at) < ${before}
        limit ${DELETE_STEP}
      )`);
    return rowCount ?? 0;
  });
}
