import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { pipelined } from '../lib/pipelined.ts';
import { lockStartTags } from '../workspaces/start-tags.ts';

/**
 * Pages are read in the same fair order as previews start (`workspaces/start-tags`), with start
 * tags of their own: the next page of a workspace is read after at most as many readings as there
 * are waiting workspaces. The virtual time is the largest tag that any workspace has started.
 */

/**
 * Gives the pages of a batch without a start tag the next tags of their workspace, in order.
 * Returns each source with its tag.
 *
 * Locks the workspace until the transaction ends, so call it late. It sees rows of statements sent
 * before it.
 */
export async function assignSourceTags(
  tx: Tx,
  batch: { workspaceId: string; batchId: string },
): Promise<{ sourceId: string; fairTag: number }[]> {
  const { workspaceId } = batch;
  const [, rows] = await pipelined(
    () => lockStartTags(tx, workspaceId),
    () => assignTags(tx, batch),
  );
  return rows.map((row) => ({ sourceId: row.source_id, fairTag: row.fair_tag }));
}

const assignTags = prepareSql<{ source_id: string; fair_tag: number }>(
  'give_page_tags',
  sql`
    with next as (
      select greatest(
        (select max(last_page_tag) from cta.workspaces),
        (select last_page_tag + 1 from cta.workspaces where id = ${sql.placeholder('workspaceId')}),
        -- From the rows that wait now: what was cancelled or deleted leaves no debt.
        (select max(fair_tag) + 1 from cta.sources
          where workspace_id = ${sql.placeholder('workspaceId')} and status = 'pending'),
        0) as tag
    ), waiting as (
      select id, row_number() over (order by position) - 1 as place
      from cta.sources where batch_id = ${sql.placeholder('batchId')} and status = 'pending' and fair_tag is null
    )
    update cta.sources s set fair_tag = next.tag + waiting.place
    from next, waiting where s.id = waiting.id
    returning s.id as source_id, s.fair_tag`,
);

const recordTag = prepareOnce((orm) =>
  orm
    .update(workspaces)
    .set({ lastPageTag: sql`greatest(${workspaces.lastPageTag}, ${sql.placeholder('fairTag')}::int)` })
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .prepare('note_page_starts'),
);

/**
 * Records that pages are being read, so that the next start tags of their workspaces come after
 * these.
 */
export async function recordSourceStarts(
  tx: Tx,
  starts: readonly { workspaceId: string; fairTag: number | null }[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const { workspaceId, fairTag } of starts) {
    last.set(workspaceId, Math.max(fairTag ?? 0, last.get(workspaceId) ?? 0));
  }
  await pipelined(
    ...[...last].toSorted().map(
      ([workspaceId, fairTag]) =>
        () =>
          recordTag(tx).execute({ workspaceId, fairTag }),
    ),
  );
}
