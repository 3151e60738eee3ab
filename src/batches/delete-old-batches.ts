import { inArray, sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import { batches } from '../db/schema/batches.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Deletes batches that finished longer ago than `keepMs`, with their sources and previews. Returns
 * how many batches it deleted.
 */
export function deleteOldBatches(
  deps: Pick<FeatureDeps, 'transact'>,
  { keepMs }: { keepMs: number },
): Promise<number> {
  return deleteInSteps(() =>
    deps.transact(async (tx) => {
      const old = await tx
        .select({ id: batches.id })
        .from(batches)
        .where(sql`${batches.finishedAt} < clock_timestamp() - make_interval(secs => ${keepMs} / 1000.0)`)
        .limit(DELETE_STEP)
        .for('update', { skipLocked: true });
      if (old.length === 0) return 0;
      const ids = old.map((batch) => batch.id);
      await tx.delete(batches).where(inArray(batches.id, ids));
      return ids.length;
    }),
  );
}
