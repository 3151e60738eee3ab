import { type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Orm } from '../db/client.ts';

/** How much of the queue is before something. */
interface Ahead {
  readonly previews: number;
  /** The calls that they need. */
  readonly texts: number;
  readonly images: number;
  readonly pages: number;
}

/** A part of a queue: start tags above `after`, up to and including `upTo`; null for no bound. */
export interface QueueSegment {
  readonly after: number | null;
  readonly upTo: number | null;
  readonly ahead: Ahead;
}

/** Previews of a segment, except that previews that share its last tag also belong to it. */
const SEGMENT_SIZE = 500;
/** Maximum age of the bounds and their counts. */
const CACHE_MS = 1000;

/** Replaces the start tag of a page that is being read: it is before all that wait. */
export const READING_TAG = -1;

/**
 * Divides the queue of previews, or of pages to read, into segments. Concurrent callers share one
 * count, which is cached for a second. A queue that is not longer than a segment is one segment
 * without bounds. 100,000 previews are about 200 segments in memory.
 */
export function loadQueueSegments(orm: Orm, status: 'queued' | 'pending'): Promise<readonly QueueSegment[]> {
  return caches[status].forceFetch(orm);
}

const caches = {
  queued: createCache(sql`
    select
      fair_tag as tag, count(*) as previews, count(*) filter (where next_step is distinct from 'image') as texts,
      count(*) filter (where next_step is distinct from 'text') as images, 0 as pages
    from cta.previews where status = 'queued' group by fair_tag`),
  pending: createCache(sql`
    select
      case when s.status = 'running' then ${READING_TAG}::int else s.fair_tag end as tag,
      sum(p.previews) as previews, sum(p.previews) as texts, sum(p.previews) as images, count(*) as pages
    from (select source_id, count(*) as previews from cta.previews where status = 'pending' group by source_id) p
    join cta.sources s on s.id = p.source_id
    group by 1`),
};

function createCache(tags: SQL): LRUCache<Orm, readonly QueueSegment[]> {
  // One entry for the pool and one for each connection, for reads within transactions. With fewer
  // entries, one could be evicted while its queue is being counted.
  return new LRUCache({ max: 1000, ttl: CACHE_MS, fetchMethod: (orm) => cutIntoSegments(orm, tags) });
}

interface BoundaryRow extends Record<string, unknown>, Ahead {
  readonly tag: number;
}

/** A bound after each tag that completes another `SEGMENT_SIZE` previews. */
async function cutIntoSegments(orm: Orm, tags: SQL): Promise<readonly QueueSegment[]> {
  const { rows: boundaries } = await orm.execute<BoundaryRow>(sql`
    with tags as (${tags}), line as (
      select
        tag, previews as own, sum(previews) over upto as previews, sum(texts) over upto as texts,
        sum(images) over upto as images, sum(pages) over upto as pages
      from tags window upto as (order by tag rows unbounded preceding)
    )
    select tag, previews::int, texts::int, images::int, pages::int from line
    where div(previews, ${SEGMENT_SIZE}) > div(previews - own, ${SEGMENT_SIZE}) order by tag`);
  const starts = [{ tag: null, previews: 0, texts: 0, images: 0, pages: 0 }, ...boundaries];
  return starts.map(({ tag, ...ahead }, i) => ({ after: tag, upTo: boundaries[i]?.tag ?? null, ahead }));
}
