import { createHash } from 'node:crypto';
import type { Database, Orm } from '../db/client.ts';
import { AppError } from '../lib/app-error.ts';
import { createKeyedThrottle } from '../lib/keyed-throttle.ts';
import { CHANGE_CHANNEL } from '../pipeline/notify-changes.ts';
import type { Batch } from './batch.ts';
import { getBatch } from './get-batch.ts';

/** Minimum time between two events of a batch. */
const MIN_INTERVAL_MS = 250;
/** How often a watched batch is read, in case a notification is lost. */
const RECHECK_MS = 15_000;

/** A whole batch in its current state. */
export interface BatchEvent {
  /** A hash of the batch: a client that has this content already does not get it again. */
  readonly id: string;
  readonly batch: Batch;
}

export interface WatchOptions {
  readonly workspaceId: string;
  readonly id: string;
  /** The id of the last event that the watcher got before its connection was lost. */
  readonly lastEventId?: string | undefined;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** A watch of one batch. */
export interface Watched {
  /** Whether the batch is final and the watcher got that event: no event will follow. */
  readonly isOver: boolean;
  /**
   * The current state of the batch, then its changes. Ends after the event in which the batch is
   * final, when the signal aborts, and when the program stops. Skips states for slow watchers.
   */
  readonly events: AsyncGenerator<BatchEvent, void, undefined>;
}

/** Watches batches. All watchers of a batch share one query. */
export interface BatchWatch {
  /** Throws `not_found`. */
  watch(options: WatchOptions): Promise<Watched>;
  /** Returns the number of watchers. */
  countWatchers(): number;
  close(): Promise<void>;
}

/** The watchers of one batch. */
interface Feed {
  readonly workspaceId: string;
  latest: BatchEvent | undefined;
  readonly watchers: Set<Watcher>;
}

/** One watcher. */
interface Watcher {
  /** Ends its wait for an event. */
  wake: () => void;
  readonly lastEventId: string | undefined;
}

/** Runs no query and listens to no channel before the first watcher. */
export function createBatchWatch(database: Pick<Database, 'orm' | 'listen'>): BatchWatch {
  const feeds = new Map<string, Feed>();
  const pendingJoins = new Map<string, Promise<Feed>>();
  const closing = new AbortController();
  let listening: Promise<void> | undefined;

  const throttle = createKeyedThrottle(MIN_INTERVAL_MS, async (batchId) => {
    const feed = feeds.get(batchId);
    if (feed) publish(feed, await loadEvent(database.orm, feed.workspaceId, batchId));
  });
  const recheckTimer = setInterval(touchAll, RECHECK_MS).unref();

  function touchAll(): void {
    for (const batchId of feeds.keys()) throttle.touch(batchId);
  }

  function publish(feed: Feed, event: BatchEvent | undefined): void {
    if (event?.id === feed.latest?.id) return;
    feed.latest = event;
    for (const watcher of feed.watchers) watcher.wake();
  }

  function listen(): Promise<void> {
    // Notifications may have been missed while there was no connection.
    listening ??= database.listen({ [CHANGE_CHANNEL]: throttle.touch }, touchAll).catch((error: unknown) => {
      listening = undefined;
      throw error;
    });
    return listening;
  }

  /** Returns the feed of a batch of this workspace. Concurrent callers share the first query. */
  function join(workspaceId: string, batchId: string): Promise<Feed> {
    const known = feeds.get(batchId);
    if (known?.workspaceId === workspaceId && known.latest) return Promise.resolve(known);
    const key = `${workspaceId} ${batchId}`;
    let joining = pendingJoins.get(key);
    if (!joining) {
      joining = open(workspaceId, batchId).finally(() => pendingJoins.delete(key));
      pendingJoins.set(key, joining);
    }
    return joining;
  }

  async function open(workspaceId: string, batchId: string): Promise<Feed> {
    await listen();
    const latest = await loadEvent(database.orm, workspaceId, batchId);
    if (!latest) throw new AppError('not_found', { detail: 'There is no batch with this id.' });
    const feed: Feed = { workspaceId, latest, watchers: new Set() };
    feeds.set(batchId, feed);
    // Notifications during the first read reached no feed.
    throttle.touch(batchId);
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
      // A watcher that joined at the same time may have left already and removed the feed.
      if (!feeds.has(id)) feeds.set(id, feed);
      if (isOver || ended.aborted) leave();
      // `follow` also calls `leave`, but only if its events are read.
      else ended.addEventListener('abort', leave, { once: true });
      return { isOver, events: follow(feed, watcher, { ended, leave }) };
    },
    countWatchers: () => [...feeds.values()].reduce((count, feed) => count + feed.watchers.size, 0),
    async close() {
      clearInterval(recheckTimer);
      throttle.close();
      closing.abort();
    },
  };
}

/** Yields the latest event of the feed to a watcher until the watcher leaves. */
async function* follow(
  feed: Feed,
  watcher: Watcher,
  { ended, leave }: { ended: AbortSignal; leave: () => void },
): AsyncGenerator<BatchEvent, void, undefined> {
  try {
    for (let sentId = watcher.lastEventId; !ended.aborted; ) {
      const event = feed.latest;
      // Without an event, the batch was deleted.
      if (!event) return;
      if (event.id !== sentId) {
        sentId = event.id;
        yield event;
        // An event may have arrived while the watcher read this one.
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

async function loadEvent(orm: Orm, workspaceId: string, id: string): Promise<BatchEvent | undefined> {
  try {
    const batch = await getBatch({ orm }, { workspaceId, id });
    return { id: createHash('sha1').update(JSON.stringify(batch)).digest('base64url'), batch };
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined;
    throw error;
  }
}
