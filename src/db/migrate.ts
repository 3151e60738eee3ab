import { setTimeout as sleep } from 'node:timers/promises';
import { NodePgSession } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import { Client } from 'pg';
import { isLockTimeout, isRetryableConflict } from '../lib/database-error.ts';
import { sessionConfig } from './client.ts';
import { readMigrations } from './read-migrations.ts';
import { findSchemaState, NewerSchemaError } from './schema-version.ts';

/** Arbitrary, but the same in every version: two programs that start at once wait for each other here. */
const MIGRATION_LOCK = 727_001;

/**
 * A statement that changes a table waits for all that use it, and all that come later wait behind it: the older version would
 * stand still. So it gives up soon, lets them through, and comes again.
 */
const LOCK_TIMEOUT_MS = 3000;
const LOCK_TRIES = 20;
const LOCK_PAUSE_MS = 1000;

/**
 * Brings the database up to date under one advisory lock, so that programs may start at the same time. May run
 * again. `installQueue` runs under the same lock; it makes pg-boss's own schema and our queues.
 *
 * @throws NewerSchemaError for a database that a later version has migrated, unless that is allowed: then nothing is done.
 */
export async function migrateDatabase(
  url: string,
  installQueue: () => Promise<void>,
  { allowNewer = false }: { allowNewer?: boolean } = {},
): Promise<void> {
  const client = new Client({
    ...sessionConfig(url, 'cta-batch migrate'),
    // A migration of a large table takes as long as it takes.
    statement_timeout: 0,
    query_timeout: 0,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const state = await findSchemaState(client, readMigrations());
    if (state.is === 'newer') {
      if (allowNewer) return;
      throw new NewerSchemaError(state.migratedTo);
    }
    if (state.is !== 'current') await applyMigrations(client);
    await installQueue();
  } finally {
    await client.end();
  }
}

/** All that are missing, in one transaction, once no lock is in their way. */
async function applyMigrations(client: Client): Promise<void> {
  const dialect = new PgDialect();
  const session = new NodePgSession<Record<string, never>, Record<string, never>>(client, dialect, undefined);
  await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      // No folder: drizzle's own `migrate` reads the files of one, and the single executable has none.
      return await dialect.migrate(readMigrations(), session, {
        migrationsFolder: '',
        migrationsSchema: 'cta',
      });
    } catch (error) {
      // A cycle with a transaction of the older version is found sooner than the time-out comes.
      const isInTheWay = isLockTimeout(error) || isRetryableConflict(error);
      if (!isInTheWay || attempt >= LOCK_TRIES) throw error;
      await sleep(LOCK_PAUSE_MS);
    }
  }
}
