import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { DATABASE, SUPERUSER } from './identity.ts';

/** The advisory lock of a server's owner, in the database `postgres`: "cta" in ASCII. */
const OWNER_LOCK = 0x637461;

/** A killed owner's session takes a moment to see that its other end is gone. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 50;

/** A connection of its own that holds the owner's lock for as long as it is open. */
export interface Session {
  readonly owned: boolean;
  /** Asks the server itself, since the lock may have been lost with a connection. */
  stillOwned(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Connects to the server, makes the database if it is missing, and tries to become the owner. The lock is the
 * session's, so a killed owner loses it by itself. After a lost connection (the server recovers from a crash, say)
 * it is tried again until `close`. Throws if the server cannot be reached now.
 */
export async function openSession(options: {
  port: number;
  password: string;
  log: { warn(message: string): void };
}): Promise<Session> {
  let watched = false;
  let owned = false;
  let lost = false;
  const sql = postgres({
    host: '127.0.0.1',
    port: options.port,
    database: 'postgres',
    username: SUPERUSER,
    password: options.password,
    max: 1,
    // By default a connection is replaced after about 45 minutes: the lock would go with it.
    max_lifetime: null,
    idle_timeout: 0,
    connect_timeout: 5,
    backoff: () => 0.5,
    fetch_types: false,
    ssl: false,
    onnotice: () => {},
    onclose: () => {
      if (!watched) return;
      if (!lost)
        options.log.warn('Lost the connection to the embedded PostgreSQL. Trying to reach it again.');
      lost = true;
      void retake();
    },
  });

  async function takeLock(): Promise<boolean> {
    const [row] = await sql<{ taken: boolean }[]>`select pg_try_advisory_lock(${OWNER_LOCK}) as taken`;
    return row?.taken === true;
  }

  /** A try that fails ends in `onclose`, and so in the next try. */
  async function retake(): Promise<void> {
    try {
      owned = await takeLock();
      lost = false;
      if (!owned) options.log.warn('Another program owns the embedded PostgreSQL now.');
    } catch {
      // still not there
    }
  }

  try {
    await createDatabase(sql);
    owned = await takeLock();
    for (let tries = 1; !owned && tries < TRIES; tries += 1) {
      await delay(BETWEEN_TRIES_MS);
      owned = await takeLock();
    }
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
  watched = owned;

  return {
    get owned() {
      return owned;
    },
    async stillOwned() {
      if (!owned) return false;
      watched = false;
      // Refused: there is no server. Any other error is that of a server, the one we owned.
      return await takeLock().catch((error) => error.code !== 'ECONNREFUSED');
    },
    async close() {
      watched = false;
      await sql.end({ timeout: 1 });
    },
  };
}

async function createDatabase(sql: postgres.Sql): Promise<void> {
  const found = await sql`select from pg_database where datname = ${DATABASE}`;
  if (found.length > 0) return;
  await sql`create database ${sql(DATABASE)}`.catch((error) => {
    // 42P04 duplicate_database, 23505 unique_violation: another program was faster.
    if (error.code !== '42P04' && error.code !== '23505') throw error;
  });
}
