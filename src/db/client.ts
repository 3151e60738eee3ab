import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool, type PoolClient } from 'pg';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { sessionConfig } from './connection/session-config.ts';
import { WORK_TIMEOUTS } from './connection/work-timeouts.ts';
import { type KeptConnection, keepConnection } from './keep-connection.ts';

/** Drizzle over the pool. Reads go through it; writes of more than one statement through `transact`. */
export type Orm = NodePgDatabase & { readonly $client: Pool | PoolClient };

/** An open transaction. A function that takes one writes in its caller's transaction. See `withSavepoint`. */
export type Tx = Omit<Orm, 'transaction'> & { readonly [isOpen]: true };

declare const isOpen: unique symbol;

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
  /** The same for those who only look, and would rather not know than wait: a statement fails after `LOOK_WITHIN_MS`. */
  readonly lookOrm: Orm;
  readonly transact: Transact;
  /** Calls `listener` after each commit with what it has changed; see `noteChange`. */
  onChange(listener: (id: string) => void): void;
  /**
   * Listens on a connection of its own until the database is closed. `onConnect` is called for every new connection:
   * what was announced while there was none has to be looked for.
   */
  listen(channels: Readonly<Record<string, (payload: string) => void>>, onConnect: () => void): Promise<void>;
  /** Whether every connection that is to listen is there now; true if none is. */
  isListening(): boolean;
  /** How the pool stands. */
  countConnections(): PoolCounts;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** The connections of a pool, and who waits for one. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
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
  const config = sessionConfig(options.url, { ...WORK_TIMEOUTS, applicationName: options.applicationName });
  const pool = new Pool({ ...config, max: options.poolSize, idleTimeoutMillis: 60_000, pipeline: true });
  // A connection that is lost, in the pool or lent out, rejects its query; without a listener it would end the program.
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
    lookOrm: drizzle(hasten(pool, LOOK_WITHIN_MS)),
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

/** A connection that a network has dropped without a word is thrown away then, too. */
const LOOK_WITHIN_MS = 2000;

/** A pool whose statements have a time-out of their own. */
function hasten(pool: Pool, query_timeout: number): Pool {
  const query = (config: string | object, ...values: unknown[]) => {
    const statement = typeof config === 'string' ? { text: config } : config;
    return (pool.query as (...args: unknown[]) => unknown)({ ...statement, query_timeout }, ...values);
  };
  return new Proxy(pool, {
    get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)),
  });
}

/**
 * The connection is taken and given back here: drizzle's own way over a pool never gives back one whose `begin` failed, and
 * after as many lost connections as the pool has places the program would wait for ever. Nor does anybody wait for the
 * `begin`: the first statement is sent behind it.
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
    // It may still be in the transaction, if it cannot be rolled back.
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

/** Of each open transaction: what it changes. */
const changes = new WeakMap<Tx, Set<string>>();

/** Notes that a transaction changes something that others may watch: its commit tells `onChange`. */
export function noteChange(tx: Tx, id: string): void {
  changes.get(tx)?.add(id);
}

/** Of each connection: what was prepared on it can be used again in its next transaction. */
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
 * What a verb needs, so that all it reads and writes is part of a transaction that is open already: its own `transact` goes
 * on in that one.
 */
export function withinTransaction<D extends { orm: Orm; transact: Transact }>(deps: D, tx: Tx): D {
  return { ...deps, orm: tx as unknown as Orm, transact: (work: Parameters<Transact>[0]) => work(tx) };
}

/**
 * Runs a part of a transaction that can fail alone: what it wrote is taken back, and the transaction goes on. Throws what
 * `work` throws.
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
 * A query that is built once for all reads through the pool and once for the transactions of each connection, and prepared
 * in the server once per connection: half the cost of building it each time. The name given to `.prepare()` must be used
 * nowhere else. Its `execute` sends it before it returns.
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
