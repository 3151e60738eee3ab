import { sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Deletes products that were read longer ago than `keepMs` and that no batch refers to. Returns how
 * many.
 */
export function deleteUnusedProducts(
  deps: Pick<FeatureDeps, 'orm'>,
  { keepMs }: { keepMs: number },
): Promise<number> {
  return deleteInSteps(async () => {
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.products where id in (
        select id from cta.products p
        where p.read_at < clock_timestamp() - make_interval(secs => ${keepMs} / 1000.0)
          and not exists (select 1 from cta.previews v where v.product_id = p.id)
          and not exists (select 1 from cta.sources s where s.product_id = p.id)
        limit ${DELETE_STEP}
        for update skip locked
      )`);
    return rowCount ?? 0;
  });
}
