import { type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Orm } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import { pipelined } from '../lib/pipelined.ts';
import { EXACT_POSITIONS, type QueuePosition } from './forecast.ts';

/**
 * Returns the positions of previews in the queue: first the queued ones by start tag, as claims
 * take them, then those whose pages have not been read, in the order of their pages. A preview that
 * does not wait has no position.
 *
 * The first `EXACT_POSITIONS` of each part are exact. Ranking a queue of 100,000 previews for every
 * request would take too long, so later positions are estimated from the start tag, on the
 * assumption that the tags after the exact ones are used evenly. The number of queued previews,
 * which come before all others, may be a second old.
 */
export async function loadQueuePositions(
  orm: Orm,
  { queued, pending }: { queued: readonly string[]; pending: readonly string[] },
): Promise<Map<string, QueuePosition>> {
  const [inQueue, beforeQueue, size] = await pipelined(
    async () => (queued.length > 0 ? placeQueued(orm, queued) : []),
    async () => (pending.length > 0 ? placePending(orm, pending) : []),
    () => sizes.forceFetch(orm),
  );
  const places = new Map<string, QueuePosition>();
  for (const { id, position, texts, images, retry_at, start_tag, next_step } of inQueue) {
    const estimate = position ?? interpolate(start_tag, size.queued);
    places.set(id, {
      position: estimate,
      calls: {
        text: next_step === 'image' ? 0 : (texts ?? estimate),
        image: next_step === 'text' ? 0 : (images ?? estimate),
      },
      retryAt: toDate(retry_at),
      pages: null,
    });
  }
  for (const { id, position, estimate, page, start_tag } of beforeQueue) {
    const pages = page ?? interpolate(start_tag, size.pages);
    const perPage = size.pages.previews / Math.max(size.pages.rows, 1);
    const own = position ?? (page === null ? Math.round(pages * perPage) : estimate);
    const { rows, texts, images } = size.queued;
    places.set(id, {
      position: rows + own,
      calls: { text: texts + own, image: images + own },
      retryAt: null,
      pages,
    });
  }
  return places;
}

const exact = sql.raw(String(EXACT_POSITIONS));

interface QueuedRow extends Record<string, unknown> {
  readonly id: string;
  /** Null after the exact ones, as are `texts` and `images`. */
  readonly position: number | null;
  readonly texts: number | null;
  readonly images: number | null;
  readonly start_tag: number;
  readonly next_step: string | null;
  readonly retry_at: number | null;
}

async function placeQueued(orm: Orm, previewIds: readonly string[]): Promise<QueuedRow[]> {
  const order = sql`start_tag, coalesce(retry_at, queued_at), id`;
  const { rows } = await orm.execute<QueuedRow>(sql`
    with head as (
      select * from cta.previews where status = 'queued' order by ${order} limit ${exact}
    ), ranked as (
      select id, row_number() over place as position,
        count(*) filter (where next_step is distinct from 'image') over place as texts,
        count(*) filter (where next_step is distinct from 'text') over place as images
      from head window place as (order by ${order} rows unbounded preceding)
    )
    select p.id, r.position::int, r.texts::int, r.images::int, p.start_tag, p.next_step,
      ${epochMs(sql`p.retry_at`)} as retry_at
    from cta.previews p left join ranked r on r.id = p.id
    where p.id in (${ids(previewIds)}) and p.status = 'queued'`);
  return rows;
}

interface PendingRow extends Record<string, unknown> {
  readonly id: string;
  /** Among the previews whose pages have not been read; null after the exact ones. */
  readonly position: number | null;
  /** The same if no preview of the pages before it is final; at least `EXACT_POSITIONS`. */
  readonly estimate: number;
  /** The number of its page; null after the exact ones. */
  readonly page: number | null;
  /** Null for a moment, until its batch has got its tags. */
  readonly start_tag: number | null;
}

async function placePending(orm: Orm, previewIds: readonly string[]): Promise<PendingRow[]> {
  const { rows } = await orm.execute<PendingRow>(sql`
    with pages as (
      -- Pages that are being read come before all that wait.
      select s.*, row_number() over place as page, sum(s.batch_size) over place - s.batch_size as before
      from (
        select * from cta.sources where status = 'running'
        union all
        (select * from cta.sources where status = 'pending' order by start_tag, created_at, id limit ${exact})
      ) s
      window place as (order by s.status desc, s.start_tag, s.created_at, s.id)
    ), ranked as (
      select p.id, row_number() over (order by pages.page, p.position) as position, pages.page
      from pages cross join lateral (
        select id, position from cta.previews where source_id = pages.id and status = 'pending'
      ) p
      order by pages.page, p.position limit ${exact}
    )
    select p.id, r.position::int, greatest(g.before + p.position + 1, ${exact})::int as estimate, g.page::int, s.start_tag
    from cta.previews p join cta.sources s on s.id = p.source_id
    left join pages g on g.id = p.source_id left join ranked r on r.id = p.id
    where p.id in (${ids(previewIds)}) and p.status = 'pending'`);
  return rows;
}

/** The size of a queue, and where its exact part ends. */
interface QueueSize {
  readonly rows: number;
  /** The start tag of the first position that is not exact; null if all are exact. */
  readonly exact_tag: number | null;
  /** The largest start tag. */
  readonly last_tag: number | null;
}

interface QueueSizes {
  /** `texts` and `images`: the calls that the previews need. */
  readonly queued: QueueSize & { readonly texts: number; readonly images: number };
  /** Pages to read; `previews` are those that wait for them. */
  readonly pages: QueueSize & { readonly previews: number };
}

/**
 * Counting a long queue is the dearest part of a request, so requests share a count for a second.
 */
const SIZES_TTL_MS = 1000;

// One entry for the pool and one for each connection, for reads within transactions.
const sizes = new LRUCache<Orm, QueueSizes>({
  max: 1000,
  ttl: SIZES_TTL_MS,
  fetchMethod: async (orm) => {
    const { rows } = await orm.execute<{ queued: QueueSizes['queued']; pages: QueueSizes['pages'] }>(sql`
      select
        (select ${sizeOf(sql`cta.previews where status = 'queued'`)} || jsonb_build_object(
            'texts', count(*) filter (where next_step is distinct from 'image'),
            'images', count(*) filter (where next_step is distinct from 'text'))
          from cta.previews where status = 'queued') as queued,
        (select ${sizeOf(sql`cta.sources where status = 'pending'`)}
            || jsonb_build_object('previews', coalesce(sum(batch_size), 0))
          from cta.sources where status = 'pending') as pages`);
    const [row] = rows;
    if (!row) throw new Error('the sizes of the queues are missing');
    return row;
  },
});

function sizeOf(queue: SQL): SQL {
  return sql`jsonb_build_object(
    'rows', count(*), 'last_tag', max(start_tag),
    'exact_tag', (select start_tag from ${queue} order by start_tag offset ${exact} limit 1)
  )`;
}

/** Returns the estimated position of a start tag after the exact positions. */
function interpolate(tag: number | null, { rows, exact_tag, last_tag }: QueueSize): number {
  // The row joined the queue after the count.
  if (tag === null || exact_tag === null || last_tag === null) return Math.max(rows, EXACT_POSITIONS) + 1;
  const share = last_tag > exact_tag ? (tag - exact_tag) / (last_tag - exact_tag) : 1;
  const rest = Math.max(rows - EXACT_POSITIONS, 1);
  return EXACT_POSITIONS + Math.max(1, Math.round(rest * Math.min(Math.max(share, 0), 1)));
}

/** Returns a list for `in`. */
function ids(list: readonly string[]): SQL {
  return sql.join(
    list.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
}
