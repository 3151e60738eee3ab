import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { DatabaseClient } from './connection/database-client.ts';
import { sessionConfig } from './connection/session-config.ts';
import { readMigrations } from './read-migrations.ts';
import { findSchemaState, type SchemaState } from './schema-version.ts';

/** Facts about a server that every command needs before it works with it. */
export interface SessionFacts {
  /** As the server reports it, for example `18.4`. */
  readonly version: string;
  /** `180004` for 18.4. */
  readonly versionNumber: number;
  readonly database: string;
  readonly role: string;
  /** Whether a session keeps its server process: no pooler reassigns it between transactions. */
  readonly keepsSession: boolean;
  /** The encoding of the database, such as `UTF8`. */
  readonly encoding: string;
  /** Why the database cannot be written; undefined if it can. */
  readonly readOnly: 'standby' | 'setting' | undefined;
  /** `session_replication_role`: another value than `origin` can turn off foreign keys. */
  readonly replicationRole: string;
}

/** More facts about whether the server has what the program needs. */
export interface ServerFacts extends SessionFacts {
  /** Whether one session receives a notification sent by another. */
  readonly hearsNotify: boolean;
  /** Undefined if the role lacks the privilege to read it. */
  readonly schema: SchemaState | undefined;
  /** Our tables that the role may not read and write, and our schemas that it may not use. */
  readonly denied: readonly string[];
  /** Whether the role may create schemas, which the first start needs. */
  readonly mayCreate: boolean;
  /** Free connections for this role, without those reserved for superusers. */
  readonly freeConnections: number;
  /** Whether a commit is on disk when the server reports it, as far as the settings show. */
  readonly isDurable: boolean;
  /**
   * The server's clock minus this machine's, in milliseconds. The error is at most half the round
   * trip.
   */
  readonly clockAheadMs: number;
}

/** Bounds the wait for a pooler whose server processes are all in use. */
const QUERY_TIMEOUT_MS = 15_000;
const NOTIFY_CHANNEL = 'cta_doctor';
const NOTIFY_WITHIN_MS = 2000;

/**
 * Runs the checks that `start` and all other commands need. Changes nothing. Throws connection
 * errors.
 */
export function inspectSession(url: string): Promise<SessionFacts> {
  return withSessions(url, async (one, other) => ({
    ...(await readSessionFacts(one)),
    keepsSession: await keepsSession(one, other),
  }));
}

/** Checks a server over two connections of its own. Changes nothing. Throws connection errors. */
export function inspectServer(url: string, schemas: readonly string[]): Promise<ServerFacts> {
  return withSessions(url, async (one, other) => {
    const sessionFacts = await readSessionFacts(one);
    const denied = await findDenied(one, schemas);
    return {
      ...sessionFacts,
      ...(await readFacts(one, schemas)),
      keepsSession: await keepsSession(one, other),
      hearsNotify: await hearsNotify(one, other),
      denied,
      schema: denied.length > 0 ? undefined : await findSchemaState(one, readMigrations()),
    };
  });
}

async function withSessions<T>(url: string, work: (one: Client, other: Client) => Promise<T>): Promise<T> {
  // Bare, because a pooler would keep the settings with its server process and pass them to other
  // clients.
  const config = sessionConfig(url, {
    applicationName: 'cta-batch check',
    query_timeout: QUERY_TIMEOUT_MS,
    isBare: true,
  });
  const [one, other] = [new DatabaseClient(config), new DatabaseClient(config)];
  try {
    // Waits for both, so that neither is closed while it is still connecting.
    const connected = await Promise.allSettled([one.connect(), other.connect()]);
    for (const result of connected) if (result.status === 'rejected') throw result.reason;
    return await work(one, other);
  } finally {
    await Promise.all([one.end(), other.end()]);
  }
}

async function readSessionFacts(client: Client): Promise<Omit<SessionFacts, 'keepsSession'>> {
  const { rows } = await client.query<{
    version: string;
    number: number;
    database: string;
    role: string;
    encoding: string;
    is_standby: boolean;
    is_read_only: boolean;
    replication_role: string;
  }>(`
    select
      current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_database() as database, current_user as role, current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as is_standby, current_setting('transaction_read_only')::bool as is_read_only,
      current_setting('session_replication_role') as replication_role`);
  const [row] = rows;
  if (!row) throw new Error('the server returned no row');
  return {
    version: row.version,
    versionNumber: row.number,
    database: row.database,
    role: row.role,
    encoding: row.encoding,
    readOnly: row.is_standby ? 'standby' : row.is_read_only ? 'setting' : undefined,
    replicationRole: row.replication_role,
  };
}

async function readFacts(client: Client, schemas: readonly string[]) {
  const began = Date.now();
  const { rows } = await client.query<{ may_create: boolean; free: number; durable: boolean; now: string }>(
    `
    select
      has_database_privilege(current_database(), 'create') or (
        -- Existing schemas are sufficient.
        select count(*) = cardinality($1::text[]) from pg_namespace
        where nspname = any($1) and has_schema_privilege(oid, 'create')
      ) as may_create,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        -- An ordinary role sees only the existence of other sessions, and not their type.
        - (select count(*)::int from pg_stat_activity where coalesce(backend_type, 'client backend') = 'client backend') as free,
      current_setting('fsync')::bool and current_setting('synchronous_commit') <> 'off' as durable,
      -- As text, because the role may have a low extra_float_digits.
      (extract(epoch from clock_timestamp()) * 1000)::text as now`,
    [schemas],
  );
  const [row] = rows;
  if (!row) throw new Error('the server returned no row');
  return {
    mayCreate: row.may_create,
    freeConnections: row.free,
    isDurable: row.durable,
    clockAheadMs: Math.round(Number(row.now) - (began + Date.now()) / 2),
  };
}

/**
 * A pooler in transaction mode gives each transaction any server process. While the other session
 * holds the process that this session had, this session gets another one, if there is one, and its
 * settings are lost.
 */
async function keepsSession(one: Client, other: Client): Promise<boolean> {
  const mark = async () => {
    const { rows } = await one.query<{ pid: number; mark: string | null }>(
      `select pg_backend_pid() as pid, current_setting('cta.doctor', true) as mark`,
    );
    return `${rows[0]?.pid} ${rows[0]?.mark}`;
  };
  await one.query(`select set_config('cta.doctor', 'seen', false)`);
  const before = await mark();
  try {
    // The role may have a time-out that ends the transaction before the checks are done.
    await other.query('begin; set local idle_in_transaction_session_timeout = 0');
  } catch (error) {
    // A pooler in statement mode refuses `begin`.
    if ((error as { code?: string }).code === '08P01') return false;
    throw error;
  }
  try {
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
    return (await mark()) === before && before !== `${rows[0]?.pid} seen` && before.endsWith(' seen');
  } catch (error) {
    // A pooler in transaction mode has a single server process, which the other session holds.
    if ((error as Error).message === 'Query read timeout') return false;
    throw error;
  } finally {
    // On a lost connection the rollback fails too; its error must not replace the one that has the
    // cause.
    await other.query('rollback').catch(() => {});
  }
}

async function hearsNotify(listener: Client, notifier: Client): Promise<boolean> {
  const heard = Promise.withResolvers<boolean>();
  const mark = String(Math.random());
  const onNotification = ({ payload }: { payload?: string | undefined }) => {
    if (payload === mark) heard.resolve(true);
  };
  listener.on('notification', onNotification);
  const timeout = new AbortController();
  try {
    await listener.query(`listen ${NOTIFY_CHANNEL}`);
    await notifier.query('select pg_notify($1, $2)', [NOTIFY_CHANNEL, mark]);
    const late = sleep(NOTIFY_WITHIN_MS, false, { signal: timeout.signal }).catch(() => false);
    return await Promise.race([heard.promise, late]);
  } finally {
    timeout.abort();
    listener.off('notification', onNotification);
    await listener.query(`unlisten ${NOTIFY_CHANNEL}`);
  }
}

async function findDenied(client: Client, schemas: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `select 'schema ' || n.nspname as what from pg_namespace n
     where n.nspname = any($1) and not has_schema_privilege(n.oid, 'usage')
     union all
     select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p') and has_schema_privilege(n.oid, 'usage')
       and not (has_table_privilege(c.oid, 'select') and (
         -- Written by migrations only.
         c.relname = '__drizzle_migrations' or (has_table_privilege(c.oid, 'insert')
           and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))))
     order by 1`,
    [schemas],
  );
  return rows.map((row) => row.what);
}
