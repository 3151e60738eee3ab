import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { DatabaseClient } from './connection/database-client.ts';
import type { SessionConfig } from './connection/session-config.ts';

/** One connection that is reopened whenever it is lost. For sessions that hold a lock or listen. */
export interface KeptConnection {
  /** Whether the connection is open now. */
  readonly connected: boolean;
  /**
   * Runs a statement on the current connection. Throws if the connection is lost meanwhile or not
   * open.
   */
  query<R extends object>(text: string, values?: unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export interface KeptConnectionOptions {
  readonly config: SessionConfig;
  /**
   * Runs on each new connection before it is used, for example to take a lock or to listen. If it
   * throws, another connection is opened.
   */
  onConnect?(client: Client): Promise<void>;
  /** Called when the connection is lost; it is already being reopened. */
  onLost?(error: Error): void;
  onNotification?(channel: string, payload: string): void;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;

/**
 * Opens the connection. Throws if the first attempt fails; a connection lost later is reopened
 * until `close`.
 */
export async function keepConnection(options: KeptConnectionOptions): Promise<KeptConnection> {
  let client: Client | undefined;
  let isClosed = false;

  async function open(): Promise<void> {
    const next = new DatabaseClient(options.config);
    next.on('error', (error) => handleLoss(next, error));
    next.on('end', () => handleLoss(next, new Error('the connection was closed')));
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

  /** One loss may fire both events, `error` and `end`. */
  function handleLoss(lost: Client, error: Error): void {
    if (client !== lost) return;
    client = undefined;
    if (isClosed) return;
    options.onLost?.(error);
    lost.end().catch(() => {});
    void reopen();
  }

  async function reopen(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !isClosed; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
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

/** The connection is not open now. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly code = 'ECONNRESET';
  constructor() {
    super('the connection to the database was lost');
  }
}
