import { type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

/**
 * Writes to a preview what its calls on the ledger have used. The sums are kept with the preview, so that lists need not
 * add them up; whoever closes a call of it calls this, whatever the preview's state. May run again.
 */
export async function refreshUsage(db: Executor, previewId: string): Promise<void> {
  await db.execute(sql`update cta.previews set ${usageOf(sql`${previewId}::uuid`)} where id = ${previewId}`);
}

/** What the columns of a count can hold. */
const MAX_COUNT = 2 ** 31 - 1;

/**
 * The same as a part of an update of previews. Whatever a provider says that it used, the update must not fail for it: the
 * answers would be lost.
 */
export function usageOf(previewId: SQL): SQL {
  return sql`
    (usage_calls, usage_input_tokens, usage_output_tokens, usage_pictures, usage_ms) = (
      select
        count(*),
        least(coalesce(sum(c.input_tokens), 0), ${MAX_COUNT}),
        least(coalesce(sum(c.output_tokens), 0), ${MAX_COUNT}),
        count(*) filter (where c.kind = 'image' and c.status = 'answered'),
        -- That a request left is noted beside its answer, and may come after it; without a limit it is not noted at all.
        coalesce(sum(greatest(
          extract(epoch from c.ended_at - case when c.counted then c.left_at else c.claimed_at end), 0
        )) * 1000, 0)::bigint
      from cta.ai_calls c where c.preview_id = ${previewId} and c.status <> 'sent'
    )`;
}
