import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MigrationMeta } from 'drizzle-orm/migrator';
import { Client } from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { readMigrations } from '../../src/db/read-migrations.ts';
import { ForeignSchemaError, NewerSchemaError } from '../../src/db/schema-version.ts';
import { installQueue } from '../../src/queue/queue.ts';
import { poll } from '../support/poll.ts';
import { runProgram } from '../support/program.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openEmptyDatabase, openTestDatabase } from '../support/test-database.ts';

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));
const noQueue = async () => {};

/** A later migration, which needs exclusive locks on two tables. */
const LATER: MigrationMeta = {
  sql: ['alter table cta.previews add column later int', 'alter table cta.batches add column later int'],
  bps: true,
  folderMillis: Math.max(...readMigrations().map((migration) => migration.folderMillis)) + 1000,
  hash: 'later',
};
const migrations = [...readMigrations(), LATER];

interface Journal {
  entries: { idx: number; tag: string }[];
}

async function readJournal(): Promise<Journal> {
  return JSON.parse(await readFile(join(FOLDER, 'meta/_journal.json'), 'utf8'));
}

async function connect(url: string): Promise<Client> {
  const client = new Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Opens a database without the migration `LATER`. */
async function openOldDatabase() {
  const database = await openTestDatabase();
  onTestFinished(database.drop);
  return database;
}

test('refuses a database of a later version unless the setting allows it', async () => {
  const db = await openTestDatabase();
  onTestFinished(db.drop);
  const later = new Date(Math.max(...readMigrations().map((m) => m.folderMillis)) + 86_400_000);
  await db.orm.$client.query(
    `insert into cta.__drizzle_migrations (hash, created_at) values ('later', ${later.getTime()})`,
  );
  await expect(migrateDatabase(db.url, noQueue)).rejects.toThrow(NewerSchemaError);
  const env = { DATABASE_URL: db.url };
  const refused = await runProgram({ args: ['migrate'], env });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^The database was migrated by a newer version .* Start that version or a later one\./,
  );
  expect(refused.stderr).toContain(later.toISOString());
  const allowed = await runProgram({ args: ['limits'], env: { ...env, ALLOW_NEWER_SCHEMA: 'true' } });
  expect(allowed.code).toBe(0);
});

test('refuses a database that was made by other migrations, and says what to do', async () => {
  const db = await openTestDatabase();
  onTestFinished(db.drop);
  await db.orm.$client.query('update cta.__drizzle_migrations set created_at = created_at - 1');
  await expect(migrateDatabase(db.url, noQueue)).rejects.toThrow(ForeignSchemaError);
  const refused = await runProgram({ args: ['migrate'], env: { DATABASE_URL: db.url } });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('a version before 0.1.0, which cannot be upgraded. Drop the schemas');
});

test('a migration that waits for a lock does not block others', async () => {
  const { url } = await openOldDatabase();
  const [holder, other] = [await connect(url), await connect(url)];
  await holder.query('begin');
  await holder.query('lock table cta.batches in access share mode');
  const migration = migrateDatabase(url, noQueue, { migrations });
  const waiting = `select pid from pg_locks where not granted and relation = 'cta.batches'::regclass
      and database = (select oid from pg_database where datname = current_database())`;
  const [first] = await poll(
    async () => (await holder.query<{ pid: number }>(waiting)).rows,
    (rows) => rows.length > 0,
  );
  // This query waits behind the migration, as every reader would, but succeeds before the lock is
  // released.
  expect((await other.query('select count(*)::int as batches from cta.batches')).rows).toEqual([
    { batches: 0 },
  ]);
  await poll(
    async () => (await holder.query<{ pid: number }>(waiting)).rows,
    (rows) => rows.some(({ pid }) => pid === first?.pid),
  );
  await holder.query('commit');
  await migration;
  const { rows } = await other.query(
    'select max(created_at)::float8 as latest from cta.__drizzle_migrations',
  );
  expect(rows).toEqual([{ latest: LATER.folderMillis }]);
});

test('reports why the connection of a migration was lost', async () => {
  const { url } = await openOldDatabase();
  const [holder, other] = [await connect(url), await connect(url)];
  await holder.query('begin');
  await holder.query('lock table cta.batches in access share mode');
  const migration = expect(migrateDatabase(url, noQueue, { migrations })).rejects.toMatchObject({
    code: '57P01',
  });
  await poll(
    async () =>
      (
        await other.query(`
          select pg_terminate_backend(pid) from pg_locks
          where not granted and relation = 'cta.batches'::regclass
      and database = (select oid from pg_database where datname = current_database())`)
      ).rows,
    (rows) => rows.length > 0,
  );
  await migration;
});

test('retries a migration that deadlocks with a transaction of the older version', async () => {
  const { url } = await openOldDatabase();
  const [holder, other] = [await connect(url), await connect(url)];
  // Locks the tables as a worker that finishes a batch does, in the opposite order to a migration.
  await holder.query('begin');
  await holder.query('lock table cta.batches in row exclusive mode');
  const migration = migrateDatabase(url, noQueue, { migrations });
  await poll(
    async () =>
      (
        await other.query(`select 1 from pg_locks where not granted and relation = 'cta.batches'::regclass
      and database = (select oid from pg_database where datname = current_database())`)
      ).rows,
    (rows) => rows.length > 0,
  );
  const held = await other.query<{ name: string }>(`
    select c.relname as name from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'cta' and c.relkind = 'r' and l.granted
      and l.database = (select oid from pg_database where datname = current_database()) and l.mode = 'AccessExclusiveLock'`);
  for (const { name } of held.rows) await holder.query(`lock table cta."${name}" in row exclusive mode`);
  await holder.query('commit');
  await migration;
  expect(held.rows).not.toEqual([]);
});

test('uses existing schemas for a role that may not create any, and ignores the timeouts of the role', async () => {
  const { url, drop } = await openEmptyDatabase();
  const role = `role_${Date.now()}`;
  const admin = await connect(url);
  await admin.query(`create role ${role} login password 'secret'`);
  onTestFinished(async () => {
    await drop();
    const again = await connect(inject('serverUrl'));
    await again.query(`drop role ${role}`);
  });
  for (const schema of ['cta', 'cta_jobs'])
    await admin.query(`create schema ${schema} authorization ${role}`);
  await admin.query(`alter role ${role} set statement_timeout = '500ms'`);
  await admin.query(`alter role ${role} set lock_timeout = '500ms'`);
  const own = new URL(url);
  Object.assign(own, { username: role, password: 'secret' });
  const install = () => installQueue({ url: own.href, log: quietLog, supervise: false });
  // Simulates another program that is migrating.
  await admin.query('select pg_advisory_lock(727001)');
  const migration = migrateDatabase(own.href, install);
  await poll(
    async () =>
      (
        await admin.query(
          `select from pg_stat_activity where usename = $1 and wait_event = 'advisory' and query_start < clock_timestamp() - interval '1 s'`,
          [role],
        )
      ).rows,
    (rows) => rows.length > 0,
  );
  await admin.query('select pg_advisory_unlock(727001)');
  await migration;
  await migrateDatabase(own.href, install);
  const { rows } = await admin.query('select count(*)::int as tables from pg_tables where tableowner = $1', [
    role,
  ]);
  expect(rows[0]?.tables).toBeGreaterThan(20);
  await admin.end();
});

/** Changes that could break a program of the previous version. */
const BREAKS =
  /\b(drop (table|column|schema)|rename (to|column)|set not null|alter column \S+ (set data )?type)\b/i;

test('migrations only add, unless their name contains contract', async () => {
  const { entries } = await readJournal();
  for (const { idx, tag } of entries) {
    if (idx === 0 || tag.includes('contract')) continue;
    expect(await readFile(join(FOLDER, `${tag}.sql`), 'utf8'), tag).not.toMatch(BREAKS);
  }
  expect('ALTER TABLE "cta"."batches" ALTER COLUMN "name" SET NOT NULL').toMatch(BREAKS);
});
