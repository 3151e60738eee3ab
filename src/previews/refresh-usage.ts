import { type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

/**
 * Writes to a preview what its calls on the ledger have used. The sums are kept with the preview, so that lists need not
 * add them up; whoever closes a call of it calls this, whatever the preview's state. May run again.
 */
export async function refreshUsage(db: Executor, previewId: string): Promise<void> {
  await db.execute(sql`update cta.previews set ${usageOf(sql`${previewId}::uuid`)} where id = ${previewId}`);
}

/** The same as a part of an update of previews. */
export function usageOf(previewId: SQL): SQL {
  return sql`
    (usage_calls, usage_input_tokens, usage_output_tokens, usage_pictures, usage_ms) = (
      select
        count(*),
        coalesce(sum(c.input_tokens), 0),
        coalesce(sum(c.output_tokens), 0),
        count(*) filter (where c.kind = 'image' and c.status = 'answered'),
        coalesce(sum(extract(epoch from c.ended_at - c.left_at)) * 1000, 0)::bigint
      from cta.ai_calls c where c.preview_id = ${previewId} and c.status <> 'sent'
    )`;
}
