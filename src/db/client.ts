import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { isRetryableConflict } from '../lib/database-error.ts';

/** Drizzle over the pool. Reads go through it; writes of more than one statement through `transact`. */
export type Orm = PostgresJsDatabase;

/** An open transaction. A function that takes one writes in its caller's transaction. */
export type Tx = Parameters<Parameters<Orm['transaction']>[0]>[0];

/** Where a query can run: in a transaction, or by itself. */
export type Executor = Orm | Tx;

/**
 * Runs `work` in one transaction (read committed) and commits it. The only way to open one. A deadlock or a
 * serialization failure is tried again, so `work` may run more than once and must do nothing but database work.
 */
export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** The database as the rooms above see it. */
export interface Database {
  readonly orm: Orm;
  readonly transact: Transact;
  /** The driver, for LISTEN and for sessions that hold a lock. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Connections in the pool. */
  readonly poolSize: number;
  readonly applicationName: string;
}

const CONFLICT_TRIES = 5;

/** Opens a pool. Nothing is connected before the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const sql = postgres(options.url, sessionOptions(options));
  const orm = drizzle(sql);
  return {
    orm,
    sql,
    async transact(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await orm.transaction(work);
        } catch (error) {
          if (attempt >= CONFLICT_TRIES || !isRetryableConflict(error)) throw error;
        }
      }
    },
    close: () => sql.end({ timeout: 5 }),
  };
}

/** One connection, kept. */
export type Session = postgres.Sql;

/** A connection of its own, for a session that holds an advisory lock: it must not be lent to other queries. */
export function openSession(options: Omit<DatabaseOptions, 'poolSize'>): Session {
  return postgres(options.url, { ...sessionOptions({ ...options, poolSize: 1 }), max_lifetime: null });
}

function sessionOptions(options: DatabaseOptions): postgres.Options<Record<string, never>> {
  return {
    max: options.poolSize,
    // A database that comes back is used at once: the driver's own backoff grows to 20 s.
    backoff: (retries: number) => Math.min(0.05 * 2 ** retries, 0.5),
    connect_timeout: 10,
    keep_alive: 10,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName,
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 60_000,
      timezone: 'UTC',
    },
  };
}

/**
 * A query that is built and prepared once per database: half the cost of building it each time. The name given to
 * `.prepare()` must be used nowhere else.
 */
export function prepareOnce<Q>(build: (orm: Orm) => Q): (orm: Orm) => Q {
  const prepared = new WeakMap<Orm, Q>();
  return (orm) => {
    let query = prepared.get(orm);
    if (query === undefined) {
      query = build(orm);
      prepared.set(orm, query);
    }
    return query;
  };
}
