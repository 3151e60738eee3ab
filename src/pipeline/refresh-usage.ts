import { type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

/**
 * Writes the usage of a preview's calls to its row, so that lists need not add it up. Every
 * function that closes a call of a preview must call this, whatever the preview's status.
 * Idempotent.
 */
export async function refreshUsage(db: Executor, previewId: string): Promise<void> {
  await db.execute(sql`update cta.previews set ${usageOf(sql`${previewId}::uuid`)} where id = ${previewId}`);
}

/** The largest value of an integer column. */
const MAX_COUNT = 2 ** 31 - 1;

/**
 * Returns the same as a part of an update of previews. Limits the sums to what the columns can
 * hold: if the update failed because of the usage that a provider reports, the answers would be
 * lost.
 */
export function usageOf(previewId: SQL): SQL {
  return sql`
    (usage_calls, usage_input_tokens, usage_output_tokens, usage_images, usage_ms) = (
      select
        count(*),
        least(coalesce(sum(c.input_tokens), 0), ${MAX_COUNT}),
        least(coalesce(sum(c.output_tokens), 0), ${MAX_COUNT}),
        count(*) filter (where c.kind = 'image' and c.status = 'answered'),
        -- left_at is written concurrently with the answer, may be later than it, and is not
        -- written at all without a limit.
        coalesce(sum(greatest(
          extract(epoch from c.ended_at - case when c.counted then c.left_at else c.claimed_at end), 0
        )) * 1000, 0)::bigint
      from cta.ai_calls c where c.preview_id = ${previewId} and c.status <> 'sent'
    )`;
}
