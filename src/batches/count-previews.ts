import { sql } from 'drizzle-orm';
import type { Usage } from '../ai-calls/usage.ts';
import { sources } from '../db/schema/batches.ts';

/** The previews of a source by status, and the usage of their calls. */
export interface PreviewCounts {
  /** For example `{ "done": 3, "failed": 1 }`. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly usage: Usage;
  /** The error codes of failed previews, each once. */
  readonly failures: readonly string[];
}

/**
 * The `PreviewCounts` of the source in the outer query, as one JSON object; null without previews.
 * As a subquery of the query that reads the batch, it counts in the same snapshot, so the counts
 * add up.
 */
export const previewCounts = sql<PreviewCounts | null>`(
  select case when count(*) > 0 then jsonb_build_object(
    'statuses', jsonb_object_agg(p.status, p.n),
    'failures', coalesce(jsonb_agg(p.failures) filter (where p.status = 'failed') -> 0, '[]'),
    'usage', jsonb_build_object(
      'calls', sum(calls), 'inputTokens', sum(input_tokens), 'outputTokens', sum(output_tokens),
      'pictures', sum(pictures), 'durationMs', sum(ms)
    )
  ) end
  from (
    select
      status, count(*)::int as n, jsonb_agg(distinct error_code) filter (where status = 'failed') as failures,
      sum(usage_calls) as calls, sum(usage_input_tokens) as input_tokens,
      sum(usage_output_tokens) as output_tokens, sum(usage_images) as pictures, sum(usage_ms) as ms
    from cta.previews
    where source_id = ${sources.id}
    group by status
  ) p
)`;
