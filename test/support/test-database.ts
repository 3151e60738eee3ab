import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';
import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { installQueue, openQueue, type Queue } from '../../src/queue/queue.ts';
import { createToken } from '../../src/workspaces/create-token.ts';
import { ensureWorkspace } from '../../src/workspaces/ensure-workspace.ts';
import { quietLog } from './quiet-log.ts';

/** A database for one test, cloned from the migrated template. */
export interface TestDatabase extends Database {
  readonly url: string;
  readonly queue: Queue;
  /** The first argument of the feature functions. */
  readonly deps: Pick<Database, 'orm' | 'transact'> & {
    queue: Queue;
    limits: { maxSources: number; maxBatchSize: number };
  };
  addWorkspace(name: string): Promise<TestWorkspace>;
  /**
   * Closes everything, and empties or drops the database. Throws if any connection is still open,
   * so that the test fails.
   */
  drop(): Promise<void>;
}

/** A workspace and a token for it. */
export interface TestWorkspace {
  readonly workspaceId: string;
  readonly token: string;
}

/** A clone of the template, and the state of its catalog when it was made. */
interface Clone {
  readonly name: string;
  readonly url: string;
  readonly catalog: string;
}

/** Clones that were closed and emptied, because a new one takes much longer. */
const unused: Clone[] = [];

/** Returns an empty database. `rate` is the rate limit. */
export async function openTestDatabase({ rate = 'off' }: { rate?: string } = {}): Promise<TestDatabase> {
  const clone = unused.pop() ?? (await makeClone());
  return openAt(clone.url, { rate, drop: () => release(clone) });
}

async function makeClone(): Promise<Clone> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name} template cta_template`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return { name, url: url.href, catalog: await within(url.href, readCatalog) };
}

/** Empties a clone for the next test. Drops it if the test has changed more than rows. */
async function release(clone: Clone): Promise<void> {
  // Renaming fails like dropping while any connection is open.
  await administer(`alter database ${clone.name} rename to ${clone.name}_unused`);
  await administer(`alter database ${clone.name}_unused rename to ${clone.name}`);
  const isReusable = await within(clone.url, async (client) => {
    if ((await readCatalog(client)) !== clone.catalog) return false;
    await client.query(EMPTY);
    return true;
  });
  if (isReusable) unused.push(clone);
  else await administer(`drop database ${clone.name}`);
}

/** Foreign keys need no check: all rows go. The rows of the migrations stay. */
const EMPTY = `
  set session_replication_role = replica;
  do $$
  declare name text;
  begin
    for name in
      select format('%I.%I', schemaname, tablename) from pg_tables
      where schemaname = 'cta' and tablename not in ('__drizzle_migrations', 'virtual_times')
    loop
      execute 'delete from ' || name;
    end loop;
  end $$;
  update cta.virtual_times set tag = 0;
  delete from cta_jobs.job`;

/** Returns what a test may change beside rows: definitions, settings and applied migrations. */
async function readCatalog(client: Client): Promise<string> {
  const { rows } = await client.query<{ catalog: string }>(`
    select md5(concat(
      (select string_agg(concat(c.relname, c.reloptions, c.relpersistence), ',' order by c.oid) from pg_class c
        join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('cta', 'cta_jobs', 'public')),
      (select string_agg(concat(a.attrelid, a.attname, a.atttypid, a.attnotnull), ',' order by a.attrelid, a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('cta', 'cta_jobs') and not a.attisdropped),
      (select string_agg(concat(oid, tgenabled), ',' order by oid) from pg_trigger),
      (select string_agg(concat(oid, pg_get_constraintdef(oid)), ',' order by oid) from pg_constraint),
      (select string_agg(oid::text, ',' order by oid) from pg_proc where oid >= 16384),
      (select string_agg(setconfig::text, ',' order by setrole) from pg_db_role_setting
        where setdatabase = (select oid from pg_database where datname = current_database())),
      (select string_agg(concat(nspname, nspowner, nspacl), ',' order by oid) from pg_namespace where nspname !~ '^pg_'),
      (select string_agg(concat(hash, created_at), ',' order by id) from cta.__drizzle_migrations),
      (select string_agg(to_jsonb(q)::text, ',' order by q.name) from
        (select name, policy, retry_limit, dead_letter from cta_jobs.queue) q)
    )) as catalog`);
  return rows[0]?.catalog ?? '';
}

async function within<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Creates a database without any tables. */
export async function openEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name}`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`drop database ${name}`) };
}

/** Migrates an empty database on a server of the test. `drop` closes it without dropping it. */
export async function adoptDatabase(url: string): Promise<TestDatabase> {
  await migrateDatabase(url, () => installQueue({ url, log: quietLog, supervise: false }));
  return openAt(url, { rate: 'off', drop: async () => {} });
}

async function openAt(
  url: string,
  { rate, drop }: { rate: string; drop: () => Promise<void> },
): Promise<TestDatabase> {
  const database = openDatabase({ url, poolSize: 10, applicationName: 'test' });
  const queue = await openQueue({ url, log: quietLog, supervise: false });
  await setLimit(database, rate);
  return {
    ...database,
    url,
    queue,
    deps: {
      orm: database.orm,
      transact: database.transact,
      queue,
      limits: { maxSources: 5, maxBatchSize: 10 },
    },
    async addWorkspace(workspace) {
      const workspaceId = await ensureWorkspace(database, workspace);
      return { workspaceId, token: await createToken(database, { workspaceId }) };
    },
    async drop() {
      await queue.stop();
      await database.close();
      await drop();
    },
  };
}

async function administer(statement: string): Promise<void> {
  const client = new Client(inject('serverUrl'));
  await client.connect();
  try {
    // A session that has just been closed may still exist for a moment.
    for (let tries = 1; ; tries += 1) {
      try {
        await client.query(statement);
        return;
      } catch (error) {
        const inUse = (error as { code?: string }).code === '55006';
        if (!inUse || tries >= 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    await client.end();
  }
}
