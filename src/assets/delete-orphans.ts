import { type SQL, sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Images used more recently than this are kept: a product or an answer may still be about to refer
 * to them.
 */
const YOUNG_MS = 24 * 60 * 60_000;
const isOld = sql`a.used_at < clock_timestamp() - make_interval(secs => ${YOUNG_MS} / 1000.0)`;

/** A query for the ids of images that may be deleted; see `deleteOrphans`. */
export const orphans: SQL = sql`
  select a.id from cta.assets a
  where ${isOld}
    and not exists (select 1 from cta.product_images i where i.asset_id = a.id)
    and not exists (select 1 from cta.ai_calls c where c.asset_id = a.id and c.preview_id is not null)
    and not exists (select 1 from cta.preview_assets v where v.asset_id = a.id)`;

/**
 * Deletes images that nothing refers to any more: no product, no answer of an existing preview, and
 * no address that a person has put into a prefill. Returns how many.
 */
export function deleteOrphans(deps: Pick<FeatureDeps, 'orm'>): Promise<number> {
  return deleteInSteps(async () => {
    // The delete checks `used_at` again: an image that is stored again at the same time has a new
    // one.
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.assets a using (${orphans} limit ${DELETE_STEP}) orphan
      where a.id = orphan.id and ${isOld}`);
    return rowCount ?? 0;
  });
}
