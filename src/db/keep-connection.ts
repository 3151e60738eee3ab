import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { DatabaseClient } from './connection/database-client.ts';
import type { SessionConfig } from './connection/session-config.ts';

/** One connection that is opened again whenever it is lost. For sessions that hold a lock or listen. */
export interface KeptConnection {
  /** Whether there is a connection now. */
  readonly connected: boolean;
  /** Runs a statement on the connection that is there now. Throws if it is lost, or while there is none. */
  query<R extends object>(text: string, values?: unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export interface KeptConnectionOptions {
  readonly config: SessionConfig;
  /** Runs on each new connection before it is used: take the lock, listen. If it throws, another one is opened. */
  onConnect?(client: Client): Promise<void>;
  /** The connection was lost; it is being opened again. */
  onLost?(error: Error): void;
  onNotification?(channel: string, payload: string): void;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

/** Opens it. Throws if that fails the first time; from then on it is tried again until `close`. */
export async function keepConnection(options: KeptConnectionOptions): Promise<KeptConnection> {
  let client: Client | undefined;
  let isClosed = false;

  async function open(): Promise<void> {
    const next = new DatabaseClient(options.config);
    next.on('error', (error) => lose(next, error));
    next.on('end', () => lose(next, new Error('the connection was closed')));
    next.on('notification', ({ channel, payload = '' }) => options.onNotification?.(channel, payload));
    try {
      await next.connect();
      await options.onConnect?.(next);
    } catch (error) {
      await next.end().catch(() => {});
      throw error;
    }
    if (isClosed) await next.end();
    else client = next;
  }

  /** Both events may come for one loss. */
  function lose(which: Client, error: Error): void {
    if (client !== which) return;
    client = undefined;
    if (isClosed) return;
    options.onLost?.(error);
    which.end().catch(() => {});
    void reopen();
  }

  async function reopen(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !isClosed; retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)) {
      try {
        await open();
        return;
      } catch {
        await sleep(retryMs);
      }
    }
  }

  await open();
  return {
    get connected() {
      return client !== undefined;
    },
    async query<R extends object>(text: string, values: unknown[] = []) {
      if (!client) throw new ConnectionLost();
      return (await client.query<R>(text, values)).rows;
    },
    async close() {
      isClosed = true;
      const last = client;
      client = undefined;
      await last?.end();
    },
  };
}

/** There is no connection now. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly code = 'ECONNRESET';
  constructor() {
    super('the connection to the database is lost');
  }
}
