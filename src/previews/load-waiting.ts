import { sql } from 'drizzle-orm';
import { loadLimiter } from '../ai-calls/load-limiter.ts';
import type { Orm } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import { loadCapacity } from '../workers/load-capacity.ts';
import { forecast, type Place } from './forecast.ts';
import type { Waiting } from './waiting.ts';

/** Says for those of the previews that are `pending` or `queued` how long they wait still. No query if there are none. */
export async function loadWaiting(
  deps: { orm: Orm },
  rows: readonly { id: string; status: string }[],
): Promise<Map<string, Waiting>> {
  const queued = rows.filter((row) => row.status === 'queued').map((row) => row.id);
  const pending = rows.filter((row) => row.status === 'pending').map((row) => row.id);
  if (queued.length + pending.length === 0) return new Map();
  const [limiter, workers, places] = await Promise.all([
    loadLimiter(deps.orm),
    loadCapacity(deps.orm),
    loadPlaces(deps.orm, { queued, pending }),
  ]);
  return new Map([...places].map(([id, place]) => [id, forecast(limiter, workers, place)]));
}

interface PlaceRow extends Record<string, unknown> {
  readonly id: string;
  readonly position: number;
  readonly texts: number;
  readonly images: number;
  readonly retry_at: number | null;
  readonly pages: number | null;
}

/**
 * The places in the line: first those that are queued, by their fair tags as the claim takes them, then those whose pages
 * are to be read, in the order of those.
 */
async function loadPlaces(
  orm: Orm,
  { queued, pending }: { queued: readonly string[]; pending: readonly string[] },
): Promise<Map<string, Place>> {
  const line = await orm.execute<PlaceRow>(sql`
    with line as (
      select
        id, next_step, retry_at,
        row_number() over place as position,
        count(*) filter (where next_step is distinct from 'image') over place as texts,
        count(*) filter (where next_step is distinct from 'text') over place as images
      from cta.previews where status = 'queued'
      window place as (order by fair_tag, coalesce(retry_at, queued_at), id rows unbounded preceding)
    )
    select
      id, position::int,
      case when next_step is distinct from 'image' then texts else 0 end::int as texts,
      case when next_step is distinct from 'text' then images else 0 end::int as images,
      ${epochMs(sql`retry_at`)} as retry_at, null::int as pages
    from line where id in (${ids(queued)})`);
  const rows = [...line.rows];
  if (pending.length > 0) {
    const waiting = await orm.execute<PlaceRow>(sql`
      with line as (
        select
          p.id,
          row_number() over (order by s.status desc, s.fair_tag, s.created_at, s.id, p.position) as position,
          dense_rank() over (order by s.status desc, s.fair_tag, s.created_at, s.id) as pages
        from cta.previews p join cta.sources s on s.id = p.source_id
        where p.status = 'pending'
      ), ahead as (
        select
          count(*) as all,
          count(*) filter (where next_step is distinct from 'image') as texts,
          count(*) filter (where next_step is distinct from 'text') as images
        from cta.previews where status = 'queued'
      )
      select
        line.id, (ahead.all + line.position)::int as position, (ahead.texts + line.position)::int as texts,
        (ahead.images + line.position)::int as images, null::float8 as retry_at, line.pages::int
      from line, ahead where line.id in (${ids(pending)})`);
    rows.push(...waiting.rows);
  }
  return new Map(
    rows.map((row) => [
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

/** A list for `in`; with no ids nothing is in it. */
function ids(list: readonly string[]) {
  if (list.length === 0) return sql`null`;
  return sql.join(
    list.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
}
