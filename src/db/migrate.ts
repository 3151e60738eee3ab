import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationMeta } from 'drizzle-orm/migrator';
import type { Client } from 'pg';
import { isLockTimeout, isRetryableConflict } from '../lib/database-error.ts';
import { DatabaseClient } from './connection/database-client.ts';
import { sessionConfig } from './connection/session-config.ts';
import { ensureSchema } from './ensure-schema.ts';
import { readMigrations } from './read-migrations.ts';
import { ForeignSchemaError, findSchemaState, NewerSchemaError } from './schema-version.ts';

/**
 * Arbitrary, but the same in every version, so that programs wait for each other at their start.
 */
const MIGRATION_LOCK = 727_001;

/**
 * A statement that changes a table waits for the transactions that use it, and later ones wait
 * behind it: the older version would stand still. So it gives up early and tries again later.
 */
const LOCK_TIMEOUT_MS = 3000;
const LOCK_TRIES = 20;
const LOCK_PAUSE_MS = 1000;

/**
 * Migrates the database under one advisory lock, so that programs may start at the same time.
 * Idempotent. `installQueue` runs under the same lock; it creates pg-boss's schema and our queues.
 *
 * @throws NewerSchemaError if a later version has migrated the database, unless that is allowed:
 * then nothing is done.
 * @throws ForeignSchemaError if the database does not begin with our first migration.
 */
export async function migrateDatabase(
  url: string,
  installQueue: () => Promise<void>,
  {
    allowNewer = false,
    migrations = readMigrations(),
  }: { allowNewer?: boolean; migrations?: readonly MigrationMeta[] } = {},
): Promise<void> {
  // Migrating a large table takes long, so time-outs of the role must not end it.
  const client = new DatabaseClient(
    sessionConfig(url, { applicationName: 'cta-batch migrate', isUnlimited: true }),
  );
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const state = await findSchemaState(client, migrations);
    if (state.is === 'newer') {
      if (allowNewer) return;
      throw new NewerSchemaError(state.migratedTo);
    }
    if (state.is === 'foreign') throw new ForeignSchemaError();
    if (state.is !== 'current') await applyMigrations(client, migrations);
    await installQueue();
  } finally {
    await client.end();
  }
}

/** Applies all missing migrations in one transaction, and retries while a lock is in the way. */
async function applyMigrations(client: Client, migrations: readonly MigrationMeta[]): Promise<void> {
  await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query('begin');
      await applyMissing(client, migrations);
      await client.query('commit');
      return;
    } catch (error) {
      // On a lost connection the rollback fails too; its error must not replace the one that has
      // the cause.
      await client.query('rollback').catch(() => {});
      // A deadlock with a transaction of the older version is detected before the time-out.
      const isInTheWay = isLockTimeout(error) || isRetryableConflict(error);
      if (!isInTheWay || attempt >= LOCK_TRIES) throw error;
      await sleep(LOCK_PAUSE_MS);
    }
  }
}

/**
 * Like drizzle's own `migrate`, with the same table. But drizzle reads a folder, which the single
 * executable does not have, and requires the privilege to create schemas even if they exist.
 */
async function applyMissing(client: Client, migrations: readonly MigrationMeta[]): Promise<void> {
  await ensureSchema(client, 'cta');
  await client.query(
    'create table if not exists cta.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
  );
  const { rows } = await client.query<{ latest: number | null }>(
    'select max(created_at)::float8 as latest from cta.__drizzle_migrations',
  );
  const latest = rows[0]?.latest ?? 0;
  for (const { sql, hash, folderMillis } of migrations.filter((one) => one.folderMillis > latest)) {
    for (const statement of sql.filter((one) => !MAKES_SCHEMA.test(one))) await client.query(statement);
    await client.query('insert into cta.__drizzle_migrations (hash, created_at) values ($1, $2)', [
      hash,
      folderMillis,
    ]);
  }
}

/** Left out, because `ensureSchema` has already created the schema. */
const MAKES_SCHEMA = /^\s*create schema (?:if not exists )?"cta";\s*$/i;
