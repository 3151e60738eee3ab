import { sql } from 'drizzle-orm';
import { DELETE_STEP, deleteInSteps } from '../db/delete-in-steps.ts';
import { CALL_KINDS } from '../db/schema/values.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

// The index on (kind, ended_at) serves only a query that names the kinds.
const KINDS = sql.raw(CALL_KINDS.map((kind) => `'${kind}'`).join(', '));

/**
 * Deletes calls from the ledger that ended longer ago than `keepMs` and are not needed: calls of
 * deleted previews, and tries without an answer. The answers of a preview are kept as long as the
 * preview. Returns how many. `keepMs` must be longer than any window of the limit.
 */
export function deleteOldCalls(
  deps: Pick<FeatureDeps, 'orm'>,
  { keepMs }: { keepMs: number },
): Promise<number> {
  return deleteInSteps(async () => {
    const { rowCount } = await deps.orm.execute(sql`
      delete from cta.ai_calls where id in (
        select id from cta.ai_calls
        where kind in (${KINDS}) and status <> 'sent' and (preview_id is null or status <> 'answered')
          and ended_at < clock_timestamp() - make_interval(secs => ${keepMs} / 1000.0)
        limit ${DELETE_STEP}
      )`);
    return rowCount ?? 0;
  });
}
