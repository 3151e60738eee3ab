import { type SQL, sql } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';

/** An image that was stored is tied to what it is for within this. */
const YOUNG_MS = 24 * 60 * 60_000;
const isOld = sql`a.used_at < clock_timestamp() - make_interval(secs => ${YOUNG_MS} / 1000.0)`;

/** A query: the ids of those images. */
export const orphans: SQL = sql`
  select a.id from cta.assets a
  where ${isOld}
    and not exists (select 1 from cta.product_images i where i.asset_id = a.id)
    and not exists (select 1 from cta.ai_calls c where c.asset_id = a.id and c.preview_id is not null)
    and not exists (
      select 1 from cta.previews v
      where v.workspace_id = a.workspace_id and v.overrides is not null and position(a.key in v.overrides::text) > 0
    )`;

/**
 * Deletes images that nothing shows any more: no product has them, no answer of a preview that is there, and no person
 * has put their address into a prefill. Answers how many.
 */
export function deleteOrphans(deps: { orm: Orm }): Promise<number> {
  return deleteInSteps(async () => {
    // Looked at once more where it is deleted: one that is stored again at the same time has another `used_at` then.
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.assets a using (${orphans} limit ${DELETE_STEP}) orphan
      where a.id = orphan.id and ${isOld}`);
    return rowCount ?? 0;
  });
}
