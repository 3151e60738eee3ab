import { sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { isUnavailable } from '../lib/database-error.ts';
import { createKeyedThrottle } from '../lib/keyed-throttle.ts';

/** The channel on which it is said that a batch has changed; the payload is its id. */
export const CHANGE_CHANNEL = 'cta_batch_changed';

/** At most one announcement of a batch in this time, from all processes together. */
const EVERY_MS = 250;
/** Between two tries of this process: a little longer, as timers may fire a little early. */
const TRY_EVERY_MS = EVERY_MS + 5;

/**
 * Says to all processes which batches the commits of this one have changed, for those who watch them. A try that comes too soon after
 * another process's announcement is repeated, until it succeeds or the other one has announced again: that came after our commits,
 * and tells of them too. So a change is announced within 2 x 250 ms of its commit and one statement is sent in 250 ms at most.
 *
 * What a process could not announce, because it was killed just then, is announced with the next change by whoever takes over its work;
 * if it was the last one, the watchers find it when they look again by themselves, after 15 s at most (`batches/watch-batches`).
 *
 * Answers how to end it: what is still to be announced is.
 */
export function notifyChanges(database: Pick<Database, 'orm' | 'onChange'>): () => Promise<void> {
  /** Batches that changed since their last try began. */
  const changed = new Set<string>();
  /** When a try was refused, by the database's clock: all changes of the batch that are still to be announced came before. */
  const refusedAt = new Map<string, string>();

  let isEnding = false;

  const pacer = createKeyedThrottle(TRY_EVERY_MS, async (batchId) => {
    const since = changed.delete(batchId) ? undefined : refusedAt.get(batchId);
    refusedAt.delete(batchId);
    try {
      const refused = await tryToAnnounce(database, batchId, since);
      if (refused === undefined) return;
      refusedAt.set(batchId, refused);
    } catch (error) {
      if (isEnding || !isUnavailable(error)) throw error;
      changed.add(batchId);
    }
    pacer.touch(batchId);
  });
  database.onChange((batchId) => {
    changed.add(batchId);
    pacer.touch(batchId);
  });
  return () => {
    isEnding = true;
    return pacer.drain();
  };
}

/**
 * Announces a change, unless it was announced after `since`, or its batch was deleted. Answers the database's time if it is too soon
 * for that.
 */
async function tryToAnnounce(
  { orm }: Pick<Database, 'orm'>,
  batchId: string,
  since: string | undefined,
): Promise<string | undefined> {
  const [found] = await announce(orm, { channel: CHANGE_CHANNEL, batchId, since: since ?? null });
  return found && !found.isSaid && !found.isCovered ? (since ?? found.now) : undefined;
}

const value = sql.placeholder;

/**
 * Who comes at the same time waits for the first one's row, and sees its time in it. What the last lines read may be older than that:
 * then the try is refused once more than was needed.
 */
const announce = prepareSql<{ isSaid: boolean; isCovered: boolean; now: string }>(
  'announce_change',
  sql`
    with said as (
      insert into cta.announcements as last (batch_id, announced_at)
      select id, clock_timestamp() from cta.batches where id = ${value('batchId')}::uuid
      on conflict (batch_id) do update set announced_at = clock_timestamp()
      where last.announced_at not between clock_timestamp() - ${sql.raw(`interval '${EVERY_MS} ms'`)} and clock_timestamp()
        and (${value('since')}::timestamptz is null or last.announced_at <= ${value('since')}::timestamptz)
      returning pg_notify(${value('channel')}::text, batch_id::text)
    )
    select exists (select from said) as "isSaid", clock_timestamp()::text as "now",
      coalesce(last.announced_at > ${value('since')}::timestamptz, false) as "isCovered"
    from cta.batches left join cta.announcements as last on last.batch_id = batches.id
    where batches.id = ${value('batchId')}::uuid`,
);
