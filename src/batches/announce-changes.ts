import { sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { createPacer } from '../lib/pacer.ts';

/** The channel on which it is said that a batch has changed; the payload is its id. */
export const CHANGE_CHANNEL = 'cta_batch_changed';

/** At most one announcement of a batch in this time, from each process. */
const EVERY_MS = 250;

/**
 * Says to all processes which batches the commits of this one have changed, for those who watch them. A batch whose
 * announcement is lost is looked at by its watchers all the same, later. Answers how to end it.
 */
export function announceChanges(database: Pick<Database, 'orm' | 'onChange'>): () => void {
  const pacer = createPacer(EVERY_MS, async (batchId) => {
    await announce(database.orm, { channel: CHANGE_CHANNEL, batchId });
  });
  database.onChange(pacer.touch);
  return pacer.close;
}

const announce = prepareSql(
  'announce_change',
  sql`select pg_notify(${sql.placeholder('channel')}, ${sql.placeholder('batchId')})`,
);
