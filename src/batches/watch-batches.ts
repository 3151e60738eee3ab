import { createHash } from 'node:crypto';
import type { Database, Orm } from '../db/client.ts';
import { AppError } from '../lib/app-error.ts';
import { createKeyedThrottle } from '../lib/keyed-throttle.ts';
import { CHANGE_CHANNEL } from '../pipeline/notify-changes.ts';
import type { Batch } from './batch.ts';
import { getBatch } from './get-batch.ts';

/** At most one event of a batch in this time. */
const EVERY_MS = 250;
/** How often a watched batch is read, in case a notification is lost. */
const LOOK_AGAIN_MS = 15_000;

/** A batch as it is now, whole. */
export interface BatchEvent {
  /** The same for the same content: who has it already is not sent it again. */
  readonly id: string;
  readonly batch: Batch;
}

export interface WatchOptions {
  readonly workspaceId: string;
  readonly id: string;
  /** The last event that the watcher has seen, before its connection was lost. */
  readonly lastEventId?: string | undefined;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

/** A batch that is watched. */
export interface Watched {
  /** Whether it is final and its watcher has seen that: there will be no event. */
  readonly isOver: boolean;
  /**
   * What the batch is now, then what it becomes; ends after the event in which it is final, when the signal aborts, and when the
   * program stops. A slow watcher is not told all that was in between.
   */
  readonly events: AsyncGenerator<BatchEvent, void, undefined>;
}

/** Watches batches for any number of watchers: of each batch there is one look for all of them. */
export interface BatchWatch {
  /** Throws `not_found`. */
  watch(options: WatchOptions): Promise<Watched>;
  /** Who watches now. */
  countWatchers(): number;
  close(): Promise<void>;
}

/** The watchers of one batch. */
interface Feed {
  readonly workspaceId: string;
  latest: BatchEvent | undefined;
  readonly watchers: Set<Watcher>;
}

/** One of them. */
interface Watcher {
  /** Ends its waiting. */
  wake: () => void;
  readonly lastEventId: string | undefined;
}

/** Nothing is asked of the database, and nothing listened to, before the first watcher comes. */
export function createBatchWatch(database: Pick<Database, 'orm' | 'listen'>): BatchWatch {
  const feeds = new Map<string, Feed>();
  const joins = new Map<string, Promise<Feed>>();
  const closing = new AbortController();
  let listening: Promise<void> | undefined;

  const pacer = createKeyedThrottle(EVERY_MS, async (batchId) => {
    const feed = feeds.get(batchId);
    if (feed) publish(feed, await look(database.orm, feed.workspaceId, batchId));
  });
  const everything = setInterval(touchAll, LOOK_AGAIN_MS).unref();

  function touchAll(): void {
    for (const batchId of feeds.keys()) pacer.touch(batchId);
  }

  function publish(feed: Feed, event: BatchEvent | undefined): void {
    if (event?.id === feed.latest?.id) return;
    feed.latest = event;
    for (const watcher of feed.watchers) watcher.wake();
  }

  function listen(): Promise<void> {
    // Notifications may have been missed while there was no connection.
    listening ??= database.listen({ [CHANGE_CHANNEL]: pacer.touch }, touchAll).catch((error: unknown) => {
      listening = undefined;
      throw error;
    });
    return listening;
  }

  /** The feed of a batch that this workspace may see. All who come at the same time share the first look. */
  function join(workspaceId: string, batchId: string): Promise<Feed> {
    const known = feeds.get(batchId);
    if (known?.workspaceId === workspaceId && known.latest) return Promise.resolve(known);
    const place = `${workspaceId} ${batchId}`;
    let joining = joins.get(place);
    if (!joining) {
      joining = open(workspaceId, batchId).finally(() => joins.delete(place));
      joins.set(place, joining);
    }
    return joining;
  }

  async function open(workspaceId: string, batchId: string): Promise<Feed> {
    await listen();
    const latest = await look(database.orm, workspaceId, batchId);
    if (!latest) throw new AppError('not_found', { detail: 'There is no batch with this id.' });
    const feed: Feed = { workspaceId, latest, watchers: new Set() };
    feeds.set(batchId, feed);
    // Notifications during the first read reached no feed.
    pacer.touch(batchId);
    return feed;
  }

  return {
    async watch({ workspaceId, id, lastEventId, signal }) {
      const feed = await join(workspaceId, id);
      const { latest } = feed;
      const isOver = latest?.id === lastEventId && latest?.batch.finishedAt !== null;
      const ended = AbortSignal.any([signal, closing.signal]);
      const watcher: Watcher = { wake: () => {}, lastEventId };
      const leave = () => {
        feed.watchers.delete(watcher);
        if (feed.watchers.size === 0 && feeds.get(id) === feed) feeds.delete(id);
        watcher.wake();
      };
      feed.watchers.add(watcher);
      // Another who came at the same time may have left it already.
      if (!feeds.has(id)) feeds.set(id, feed);
      if (isOver || ended.aborted) leave();
      // Also when nobody reads the events.
      else ended.addEventListener('abort', leave, { once: true });
      return { isOver, events: follow(feed, watcher, { ended, leave }) };
    },
    countWatchers: () => [...feeds.values()].reduce((count, feed) => count + feed.watchers.size, 0),
    async close() {
      clearInterval(everything);
      pacer.close();
      closing.abort();
    },
  };
}

/** Tells a watcher the feed's latest event, again and again, until it leaves. */
async function* follow(
  feed: Feed,
  watcher: Watcher,
  { ended, leave }: { ended: AbortSignal; leave: () => void },
): AsyncGenerator<BatchEvent, void, undefined> {
  try {
    for (let seen = watcher.lastEventId; !ended.aborted; ) {
      const event = feed.latest;
      // Deleted: there is nothing more to tell.
      if (!event) return;
      if (event.id !== seen) {
        seen = event.id;
        yield event;
        // Something may have come while it was read.
        continue;
      }
      if (event.batch.finishedAt !== null) return;
      await new Promise<void>((resolve) => {
        watcher.wake = resolve;
      });
    }
  } finally {
    ended.removeEventListener('abort', leave);
    leave();
  }
}

async function look(orm: Orm, workspaceId: string, id: string): Promise<BatchEvent | undefined> {
  try {
    const batch = await getBatch({ orm }, { workspaceId, id });
    return { id: createHash('sha1').update(JSON.stringify(batch)).digest('base64url'), batch };
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined;
    throw error;
  }
}
