import { sql } from 'drizzle-orm';
import { sources } from '../db/schema/batches.ts';

/**
 * The previews of the source in the outer query by status, as one JSON object: `{ "done": 3, "failed": 1 }`. A
 * subquery of the query that reads the batch, so all counts are of one moment and add up.
 */
export const previewCounts = sql<Record<string, number> | null>`(
  select jsonb_object_agg(p.status, p.n) from (
    select status, count(*)::int as n from cta.previews
    where batch_id = ${sources.batchId} and source_id = ${sources.id}
    group by status
  ) p
)`;
