import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { pipelined } from '../lib/pipelined.ts';
import { lockStartTags } from '../workspaces/start-tags.ts';

/*
 * Pages are read in the fair order that previews start in (`workspaces/start-tags`), with tags of their own: a workspace's next
 * page is read within as many readings as there are workspaces waiting. The tag that is starting now is the largest of
 * what the workspaces have started last.
 */

/**
 * Gives the pages of a batch that have no tag yet the next tags of the workspace, in order. The workspace is locked until
 * the transaction ends, so this comes late in it; what was sent before it is seen. Answers each source with its tag.
 */
export async function assignSourceTags(
  tx: Tx,
  batch: { workspaceId: string; batchId: string },
): Promise<{ sourceId: string; fairTag: number }[]> {
  const { workspaceId } = batch;
  const [, rows] = await pipelined(
    () => lockStartTags(tx, workspaceId),
    () => giveTags(tx, batch),
  );
  return rows.map((row) => ({ sourceId: row.source_id, fairTag: row.fair_tag }));
}

const giveTags = prepareSql<{ source_id: string; fair_tag: number }>(
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

const note = prepareOnce((orm) =>
  orm
    .update(workspaces)
    .set({ lastPageTag: sql`greatest(${workspaces.lastPageTag}, ${sql.placeholder('fairTag')}::int)` })
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .prepare('note_page_starts'),
);

/** Notes that pages are being read: their workspaces' next turns come after these. */
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
          note(tx).execute({ workspaceId, fairTag }),
    ),
  );
}
