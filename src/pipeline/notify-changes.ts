import { sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { isUnavailable } from '../lib/database-error.ts';
import { createKeyedThrottle } from '../lib/keyed-throttle.ts';

/** Channel of notifications that a batch has changed. The payload is its id. */
export const CHANGE_CHANNEL = 'cta_batch_changed';

/**
 * At most one notification of a batch in this time from each process. Streams send no more events.
 */
const EVERY_MS = 250;

/**
 * Notifies all processes of the batches that commits of this one have changed, for event streams:
 * at once, or `EVERY_MS` after the last notification of the batch.
 *
 * A process that is killed before it notifies leaves a change unsaid. The next change of the batch
 * covers it, or else the streams find it when they look again (`batches/watch-batches`).
 *
 * Returns a function that ends it after sending the outstanding notifications.
 */
export function notifyChanges(database: Pick<Database, 'orm' | 'onChange'>): () => Promise<void> {
  let isEnding = false;
  const throttle = createKeyedThrottle(EVERY_MS, async (batchId) => {
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
