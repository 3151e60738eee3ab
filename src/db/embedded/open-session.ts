import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { sessionConfig } from '../connection/session-config.ts';
import { keepConnection } from '../keep-connection.ts';
import { DATABASE, SUPERUSER } from './identity.ts';

/** The advisory lock of a server's owner, taken in the database `postgres`: "cta" in ASCII. */
const OWNER_LOCK = 0x637461;

/** The server needs a moment to notice that a killed owner's connection is gone. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 50;
/** Tries to reach a server that does not respond when it is to be ended. */
const REACH_TRIES = 40;

/** A dedicated connection that, if `owned`, holds the owner's lock while it is open. */
export interface Session {
  readonly owned: boolean;
  /** False while the connection is lost. */
  readonly connected: boolean;
  /**
   * Asks the server itself, because the lock may have been lost with a connection. The owner calls
   * this before it ends the server.
   */
  stillOwned(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Connects to the server, creates the database if it is missing, and tries to become the owner. The
 * lock belongs to the session, so the server releases it when the owner is killed. After a lost
 * connection (for example because the server recovers from a crash) reconnects until `close`.
 * Throws if the first connection fails.
 */
export async function openSession(options: {
  port: number;
  password: string;
  log: { warn(message: string): void };
}): Promise<Session> {
  let owned = false;
  let isFirst = true;
  let isEnding = false;
  const config = sessionConfig(
    `postgres://${SUPERUSER}:${options.password}@127.0.0.1:${options.port}/postgres?sslmode=disable&connect_timeout=5`,
  );
  const connection = await keepConnection({
    config,
    async onConnect(client) {
      if (isFirst) await createDatabase(client);
      // A program that did not own the server does not become its owner by reconnecting; only the
      // next program that joins does.
      if (isFirst || owned) owned = await takeLock(client, TRIES);
      if (!isFirst && !owned) options.log.warn('Another program owns the embedded PostgreSQL now.');
      isFirst = false;
    },
    onLost() {
      if (owned && !isEnding)
        options.log.warn('Lost the connection to the embedded PostgreSQL. Reconnecting.');
    },
  });

  return {
    get owned() {
      return owned;
    },
    get connected() {
      return connection.connected;
    },
    async stillOwned() {
      isEnding = true;
      // A server that recovers from a crash is back within a moment. If it is not back by then,
      // there is no server to end.
      for (let n = 1; owned && n <= REACH_TRIES; n += 1) {
        try {
          const text = 'select pg_try_advisory_lock($1) as taken';
          const [row] = await connection.query<{ taken: boolean }>(text, [OWNER_LOCK]);
          return row?.taken === true;
        } catch {
          await delay(BETWEEN_TRIES_MS);
        }
      }
      return false;
    },
    close: connection.close,
  };
}

async function takeLock(client: Client, tries: number): Promise<boolean> {
  for (let n = 1; ; n += 1) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      OWNER_LOCK,
    ]);
    if (rows[0]?.taken || n >= tries) return rows[0]?.taken === true;
    await delay(BETWEEN_TRIES_MS);
  }
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
  if (rowCount) return;
  try {
    await client.query(`create database ${client.escapeIdentifier(DATABASE)}`);
  } catch (error) {
    // 42P04 duplicate_database, 23505 unique_violation: another program was faster.
    const { code } = error as { code?: string };
    if (code !== '42P04' && code !== '23505') throw error;
  }
}
