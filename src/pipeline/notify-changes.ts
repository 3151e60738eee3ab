import { sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { isUnavailable } from '../lib/database-error.ts';
import { createKeyedThrottle } from '../lib/keyed-throttle.ts';

/** Channel of notifications that a batch has changed. The payload is its id. */
export const CHANGE_CHANNEL = 'cta_batch_changed';

/**
 * Minimum time between two notifications of a batch by one process: event streams do not send more
 * often.
 */
const MIN_INTERVAL_MS = 250;

/**
 * Notifies all processes of the batches that were changed by commits of this process, for event
 * streams: at once, or `MIN_INTERVAL_MS` after the last notification of the batch.
 *
 * If a process is killed before it notifies, the streams show the change with the next one of the
 * batch, or when watched batches are read again (`batches/watch-batches`).
 *
 * Returns a function that ends it after sending the outstanding notifications.
 */
export function notifyChanges(database: Pick<Database, 'orm' | 'onChange'>): () => Promise<void> {
  let isEnding = false;
  const throttle = createKeyedThrottle(MIN_INTERVAL_MS, async (batchId) => {
    try {
      await notify(database.orm, { channel: CHANGE_CHANNEL, batchId });
    } catch (error) {
      if (!isEnding && isUnavailable(error)) throttle.touch(batchId);
    }
  });
  database.onChange(throttle.touch);
  return () => {
    isEnding = true;
    return throttle.drain();
  };
}

const notify = prepareSql(
  'notify_change',
  sql`select pg_notify(${sql.placeholder('channel')}::text, ${sql.placeholder('batchId')}::text)`,
);
