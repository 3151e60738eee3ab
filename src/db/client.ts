import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool, type PoolClient } from 'pg';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { sessionConfig } from './connection/session-config.ts';
import { WORK_TIMEOUTS } from './connection/work-timeouts.ts';
import { type KeptConnection, keepConnection } from './keep-connection.ts';

/**
 * Drizzle over the pool. Use it for reads; use `transact` for writes of more than one statement.
 */
export type Orm = NodePgDatabase & { readonly $client: Pool | PoolClient };

/**
 * An open transaction. A function that takes one writes in its caller's transaction. See also
 * `withSavepoint`.
 */
export type Tx = Omit<Orm, 'transaction'> & { readonly [isOpen]: true };

declare const isOpen: unique symbol;

/** Where a query can run: in a transaction or directly over the pool. */
export type Executor = Orm | Tx;

/**
 * Runs `work` in one transaction (read committed) and commits it. This is the only way to open a
 * transaction. After a deadlock or a serialization failure `work` runs again, so it must do nothing
 * but database work.
 */
export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** The database as higher layers see it. */
export interface Database {
  readonly orm: Orm;
  /**
   * Like `orm`, for reads that should fail rather than wait: a statement fails after
   * `PROBE_TIMEOUT_MS`.
   */
  readonly probeOrm: Orm;
  readonly transact: Transact;
  /**
   * Calls `listener` after each commit, once per id that the transaction passed to `recordChange`.
   */
  onChange(listener: (id: string) => void): void;
  /**
   * Listens on a connection of its own until the database is closed. Calls `onConnect` for every
   * new connection: notifications sent while there was none are lost, so the caller must read their
   * effects from the tables.
   */
  listen(channels: Readonly<Record<string, (payload: string) => void>>, onConnect: () => void): Promise<void>;
  /** Returns whether every listening connection is open now; true if there are none. */
  isListening(): boolean;
  /** Returns the state of the pool. */
  countConnections(): PoolCounts;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The connections of a pool, and the number of queries that wait for one. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

export interface DatabaseOptions {
  readonly url: string;
  /** The maximum number of connections in the pool. */
  readonly poolSize: number;
  readonly applicationName: string;
}

const CONFLICT_TRIES = 5;

/** Opens a pool. The first query opens the first connection. */
export function openDatabase(options: DatabaseOptions): Database {
  const config = sessionConfig(options.url, { ...WORK_TIMEOUTS, applicationName: options.applicationName });
  const pool = new Pool({ ...config, max: options.poolSize, idleTimeoutMillis: 60_000, pipeline: true });
  // A lost connection, idle or checked out, rejects its query. Without a listener its error event
  // would end the program.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const orm = drizzle(pool);
  const listeners: KeptConnection[] = [];
  const changeListeners: ((id: string) => void)[] = [];
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await Promise.all(listeners.map((connection) => connection.close()));
    await pool.end();
  }

  return {
    orm,
    probeOrm: drizzle(withQueryTimeout(pool, PROBE_TIMEOUT_MS)),
    async transact(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const { result, changed } = await transactOnce(pool, work);
          for (const listener of changeListeners) for (const id of changed) listener(id);
          return result;
        } catch (error) {
          if (attempt >= CONFLICT_TRIES || !isRetryableConflict(error)) throw error;
        }
      }
    },
    onChange(listener) {
      changeListeners.push(listener);
    },
    async listen(channels, onConnect) {
      const connection = await keepConnection({
        config,
        onNotification: (channel, payload) => channels[channel]?.(payload),
        async onConnect(client) {
          for (const channel of Object.keys(channels)) {
            await client.query(`listen ${client.escapeIdentifier(channel)}`);
          }
          onConnect();
        },
      });
      listeners.push(connection);
    },
    isListening: () => listeners.every((connection) => connection.connected),
    countConnections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/**
 * Longest wait for a statement of `probeOrm`. A connection that the network has dropped silently is
 * also discarded after this time.
 */
const PROBE_TIMEOUT_MS = 2000;

/** Returns a pool whose statements have their own time-out. */
function withQueryTimeout(pool: Pool, query_timeout: number): Pool {
  const query = (config: string | object, ...values: unknown[]) => {
    const statement = typeof config === 'string' ? { text: config } : config;
    return (pool.query as (...args: unknown[]) => unknown)({ ...statement, query_timeout }, ...values);
  };
  return new Proxy(pool, {
    get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)),
  });
}

/**
 * Acquires and releases the connection here: drizzle's own transactions over a pool never release a
 * connection whose `begin` failed, and after `poolSize` lost connections the program would wait
 * forever. The first statement is sent right behind `begin`, without waiting for its result.
 */
async function transactOnce<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
): Promise<{ result: T; changed: ReadonlySet<string> }> {
  const client = await pool.connect();
  const tx = openTx(client);
  const changed = new Set<string>();
  changes.set(tx, changed);
  let isBroken = false;
  try {
    const [, result] = await pipelined(
      () => client.query('begin'),
      () => work(tx),
    );
    await client.query('commit');
    return { result, changed };
  } catch (error) {
    // If the rollback fails too, the connection may still be in the transaction.
    isBroken = isUnavailable(error) || !(await rollBack(client));
    throw error;
  } finally {
    client.release(isBroken);
  }
}

async function rollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('rollback');
    return true;
  } catch {
    return false;
  }
}

/** The ids that each open transaction has changed. */
const changes = new WeakMap<Tx, Set<string>>();

/**
 * Records that a transaction changes `id`, which others may watch: the commit passes it to the
 * listeners of `onChange`.
 */
export function recordChange(tx: Tx, id: string): void {
  changes.get(tx)?.add(id);
}

/**
 * One drizzle instance per connection, so that its next transaction can reuse the prepared
 * statements.
 */
const ormOf = new WeakMap<PoolClient, Orm>();

function openTx(client: PoolClient): Tx {
  let orm = ormOf.get(client);
  if (orm === undefined) {
    orm = drizzle(client);
    ormOf.set(client, orm);
  }
  return orm as unknown as Tx;
}

/**
 * Returns `deps` bound to a transaction that is already open, so that everything a verb reads and
 * writes is part of it: the new `transact` runs its work in that transaction.
 */
export function withinTransaction<D extends { orm: Orm; transact: Transact }>(deps: D, tx: Tx): D {
  return { ...deps, orm: tx as unknown as Orm, transact: (work: Parameters<Transact>[0]) => work(tx) };
}

/**
 * Runs a part of a transaction that can fail alone: on an error its writes are rolled back and the
 * transaction continues. Throws the error of `work`.
 */
export async function withSavepoint<T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
  await tx.execute(sql`savepoint part`);
  try {
    const result = await work(tx);
    await tx.execute(sql`release savepoint part`);
    return result;
  } catch (error) {
    await tx.execute(sql`rollback to savepoint part`);
    throw error;
  }
}

/**
 * Builds a query once for reads through the pool and once for the transactions of each connection.
 * The server prepares it once per connection, which halves the cost compared to building it each
 * time. The name given to `.prepare()` must be unique. `execute` sends the query before it returns.
 */
export function prepareOnce<Q>(build: (orm: Orm) => Q): (db: Executor) => Q {
  const prepared = new WeakMap<Executor, Q>();
  return (db) => {
    let query = prepared.get(db);
    if (query === undefined) {
      query = build(db as Orm);
      prepared.set(db, query);
    }
    return query;
  };
}
