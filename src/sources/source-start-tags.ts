import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { pipelined } from '../lib/pipelined.ts';
import { lockTurn } from '../workspaces/start-tags.ts';

/**
 * Pages are read in the same fair order as previews start (`workspaces/start-tags`): the next page
 * of a workspace is read after at most as many readings as there are waiting workspaces.
 */

/**
 * Gives the pages of a batch without a start tag the next tags of their workspace, in order.
 * Returns each source with its tag.
 *
 * Locks the turn of the workspace until the transaction ends, so call it late. It sees rows of
 * statements sent before it.
 */
export async function assignSourceTags(
  tx: Tx,
  batch: { workspaceId: string; batchId: string },
): Promise<{ sourceId: string; startTag: number }[]> {
  const { workspaceId } = batch;
  const [, rows] = await pipelined(
    () => lockTurn(tx, workspaceId, 'sources'),
    () => assignTags(tx, batch),
  );
  return rows.map((row) => ({ sourceId: row.source_id, startTag: row.start_tag }));
}

const assignTags = prepareSql<{ source_id: string; start_tag: number }>(
  'assign_source_tags',
  sql`
    with next as (
      select greatest(
        (select tag from cta.virtual_times where queue = 'sources'),
        (select last_tag + 1 from cta.turns
          where workspace_id = ${sql.placeholder('workspaceId')} and queue = 'sources'),
        -- Computed from the rows that wait now, so that canceled or deleted sources leave no debt.
        (select max(start_tag) + 1 from cta.sources
          where workspace_id = ${sql.placeholder('workspaceId')} and status = 'pending'),
        0) as tag
    ), waiting as (
      select id, row_number() over (order by position) - 1 as place
      from cta.sources where batch_id = ${sql.placeholder('batchId')} and status = 'pending' and start_tag is null
    )
    update cta.sources s set start_tag = next.tag + waiting.place
    from next, waiting where s.id = waiting.id
    returning s.id as source_id, s.start_tag`,
);
