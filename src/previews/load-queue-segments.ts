import { type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Orm } from '../db/client.ts';

/** How many come before something in the line. */
interface Ahead {
  readonly previews: number;
  /** Calls that they want. */
  readonly texts: number;
  readonly images: number;
  readonly pages: number;
}

/** A part of a line: those whose fair tag is larger than `after` and not larger than `upTo`; null for no bound. */
export interface QueueSegment {
  readonly after: number | null;
  readonly upTo: number | null;
  readonly ahead: Ahead;
}

/** Previews of a stretch, and those that share its last tag. */
const STRETCH = 500;
/** How old the cuts, and the counts that go with them, may be. */
const KEEP_MS = 1000;

/** In place of the fair tag of a page that is being read: before all that wait. */
export const READING_TAG = -1;

/**
 * The line of the queued previews cut into stretches, or that of the pages that are to be read. Counted anew after a second at
 * the soonest, once for all that ask meanwhile; a line that is no longer than a stretch is one stretch without bounds. In
 * memory are some 200 stretches for each 100,000 previews.
 */
export function loadQueueSegments(orm: Orm, line: 'queued' | 'pending'): Promise<readonly QueueSegment[]> {
  return kept[line].forceFetch(orm);
}

const kept = {
  queued: keep(sql`
    select
      fair_tag as tag, count(*) as previews, count(*) filter (where next_step is distinct from 'image') as texts,
      count(*) filter (where next_step is distinct from 'text') as images, 0 as pages
    from cta.previews where status = 'queued' group by fair_tag`),
  pending: keep(sql`
    select
      case when s.status = 'running' then ${READING_TAG}::int else s.fair_tag end as tag,
      sum(p.previews) as previews, sum(p.previews) as texts, sum(p.previews) as images, count(*) as pages
    from (select source_id, count(*) as previews from cta.previews where status = 'pending' group by source_id) p
    join cta.sources s on s.id = p.source_id
    group by 1`),
};

function keep(tags: SQL): LRUCache<Orm, readonly QueueSegment[]> {
  // The pool, and each of its connections for what is asked within transactions: as many as a pool can have. With fewer places one
  // could be given to another while its line is being cut.
  return new LRUCache({ max: 1000, ttl: KEEP_MS, fetchMethod: (orm) => cutLine(orm, tags) });
}

interface CutRow extends Record<string, unknown>, Ahead {
  readonly tag: number;
}

/** Cuts after each tag with which another `STRETCH` previews are full. */
async function cutLine(orm: Orm, tags: SQL): Promise<readonly QueueSegment[]> {
  const { rows: cuts } = await orm.execute<CutRow>(sql`
    with tags as (${tags}), line as (
      select
        tag, previews as own, sum(previews) over upto as previews, sum(texts) over upto as texts,
        sum(images) over upto as images, sum(pages) over upto as pages
      from tags window upto as (order by tag rows unbounded preceding)
    )
    select tag, previews::int, texts::int, images::int, pages::int from line
    where div(previews, ${STRETCH}) > div(previews - own, ${STRETCH}) order by tag`);
  const starts = [{ tag: null, previews: 0, texts: 0, images: 0, pages: 0 }, ...cuts];
  return starts.map(({ tag, ...ahead }, i) => ({ after: tag, upTo: cuts[i]?.tag ?? null, ahead }));
}
