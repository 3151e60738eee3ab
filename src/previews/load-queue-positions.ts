import { type SQL, sql } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { QueuePosition } from './forecast.ts';
import { loadQueueSegments, type QueueSegment, READING_TAG } from './load-queue-segments.ts';

interface PositionRow extends Record<string, unknown> {
  readonly id: string;
  readonly position: number;
  readonly texts: number;
  readonly images: number;
  readonly retry_at: number | null;
  readonly pages: number | null;
}

/**
 * Returns the positions of previews in the queue: first the queued ones by start tag, as claims
 * take them, then those whose pages have not been read, in the order of their pages. Ranks only the
 * segments that contain the previews; the counts of earlier segments may be a second old
 * (`loadQueueSegments`). A preview that does not wait has no position.
 */
export async function loadQueuePositions(
  orm: Orm,
  { queued, pending }: { queued: readonly string[]; pending: readonly string[] },
): Promise<Map<string, QueuePosition>> {
  const results = await pipelined(
    async () => (queued.length > 0 ? locateQueued(orm, queued) : []),
    async () => (pending.length > 0 ? locatePending(orm, pending) : []),
  );
  return new Map(
    results.flat().map((row) => [
      row.id,
      {
        position: row.position,
        calls: { text: row.texts, image: row.images },
        retryAt: toDate(row.retry_at),
        pages: row.pages,
      },
    ]),
  );
}

async function locateQueued(orm: Orm, previewIds: readonly string[]): Promise<PositionRow[]> {
  const segments = await loadQueueSegments(orm, 'queued');
  const tags = sql`select fair_tag as tag from cta.previews where id in (${ids(previewIds)}) and status = 'queued'`;
  const picked = await pickSegments(orm, segments, tags);
  if (picked.length === 0) return [];
  const parts = picked.map(
    ({ after, upTo, ahead }) => sql`(
      select
        id, next_step, retry_at,
        ${ahead.previews}::int + row_number() over place as position,
        ${ahead.texts}::int + count(*) filter (where next_step is distinct from 'image') over place as texts,
        ${ahead.images}::int + count(*) filter (where next_step is distinct from 'text') over place as images
      from cta.previews where status = 'queued' and ${isBetween(after, upTo)}
      window place as (order by fair_tag, coalesce(retry_at, queued_at), id rows unbounded preceding)
    )`,
  );
  const { rows } = await orm.execute<PositionRow>(sql`
    select
      id, position::int,
      case when next_step is distinct from 'image' then texts else 0 end::int as texts,
      case when next_step is distinct from 'text' then images else 0 end::int as images,
      ${epochMs(sql`retry_at`)} as retry_at, null::int as pages
    from (${sql.join(parts, sql` union all `)}) as line where id in (${ids(previewIds)})`);
  return rows;
}

async function locatePending(orm: Orm, previewIds: readonly string[]): Promise<PositionRow[]> {
  const [queued, segments] = await pipelined(
    () => loadQueueSegments(orm, 'queued'),
    () => loadQueueSegments(orm, 'pending'),
  );
  const tags = sql`
    select case when s.status = 'running' then ${READING_TAG}::int else s.fair_tag end as tag
    from cta.previews p join cta.sources s on s.id = p.source_id
    where p.id in (${ids(previewIds)}) and p.status = 'pending'`;
  const picked = await pickSegments(orm, segments, tags);
  const lastSegment = queued.at(-1);
  if (picked.length === 0 || !lastSegment) return [];
  const parts = picked.map(
    (segment) => sql`(
      select
        p.id,
        ${segment.ahead.previews}::int
          + row_number() over (order by s.status desc, s.fair_tag, s.created_at, s.id, p.position) as position,
        ${segment.ahead.pages}::int
          + dense_rank() over (order by s.status desc, s.fair_tag, s.created_at, s.id) as pages
      from ${pagesOf(segment)} s join cta.previews p on p.source_id = s.id
      where p.status = 'pending'
    )`,
  );
  const { rows } = await orm.execute<PositionRow>(sql`
    with ahead as (
      select
        ${lastSegment.ahead.previews}::int + count(*) as all,
        ${lastSegment.ahead.texts}::int + count(*) filter (where next_step is distinct from 'image') as texts,
        ${lastSegment.ahead.images}::int + count(*) filter (where next_step is distinct from 'text') as images
      from cta.previews where status = 'queued' and ${isBetween(lastSegment.after, null)}
    )
    select
      line.id, (ahead.all + line.position)::int as position, (ahead.texts + line.position)::int as texts,
      (ahead.images + line.position)::int as images, null::float8 as retry_at, line.pages::int
    from (${sql.join(parts, sql` union all `)}) as line, ahead where line.id in (${ids(previewIds)})`);
  return rows;
}

/** Returns the segments that contain one of the tags. */
async function pickSegments(orm: Orm, segments: readonly QueueSegment[], tags: SQL): Promise<QueueSegment[]> {
  if (segments.length <= 1) return [...segments];
  const { rows } = await orm.execute<{ tag: number }>(tags);
  const picked = rows.flatMap(
    ({ tag }) => segments.findLast(({ after }) => after === null || after < tag) ?? [],
  );
  return [...new Set(picked)];
}

/** The pages of a segment. Pages that are being read are in the first one. */
function pagesOf({ after, upTo }: QueueSegment): SQL {
  if (after === null && upTo === null) return sql`cta.sources`;
  const waiting = sql`select * from cta.sources where status = 'pending' and ${isBetween(after, upTo)}`;
  if (after !== null) return sql`(${waiting})`;
  return sql`(select * from cta.sources where status = 'running' union all ${waiting})`;
}

function isBetween(after: number | null, upTo: number | null): SQL {
  const isAfter = after === null ? sql`true` : sql`fair_tag > ${after}::int`;
  return upTo === null ? isAfter : sql`${isAfter} and fair_tag <= ${upTo}::int`;
}

/** Returns a list for `in`. */
function ids(list: readonly string[]): SQL {
  return sql.join(
    list.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
}
