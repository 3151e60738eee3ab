import { ConnectionError } from './connection-error.ts';
import { DatabaseClient } from './database-client.ts';
import { type DatabaseTarget, isSocketFolder } from './database-target.ts';
import { NegotiatedSocket } from './negotiated-socket.ts';
import { readDatabaseUrl } from './read-database-url.ts';
import { type SessionTimeouts, writeSessionSetup } from './session-settings.ts';

/** What a client of ours is made of. A pool makes its clients of `Client`. */
export interface SessionConfig {
  readonly Client: typeof DatabaseClient;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: () => string;
  readonly stream?: () => NegotiatedSocket;
  readonly ssl: false;
  readonly sslnegotiation: 'postgres';
  readonly application_name: string;
  readonly options?: string;
  readonly enableChannelBinding: boolean;
  /** The server as errors name it, if only a login with channel binding is allowed. */
  readonly channelBindingServer: string | undefined;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelayMillis: number;
  readonly connectionTimeoutMillis: number;
  readonly query_timeout: number;
  /** Run on each connection before it is used. */
  readonly setup: string | undefined;
}

export interface SessionOptions extends Partial<SessionTimeouts> {
  readonly applicationName?: string;
  /** Milliseconds until a statement is given up here; 0 is never. */
  readonly query_timeout?: number;
  /** Whether the session is left as the server makes it. */
  readonly isBare?: boolean;
  /** Whether no time-out ends what runs, also none of the address. */
  readonly isUnlimited?: boolean;
}

type Limits = DatabaseTarget['timeouts'];

const CONNECT_TIMEOUT_MS = 10_000;
/** The system's own is two hours: what stands in between forgets a silent connection long before. */
const KEEP_ALIVE_IDLE_MS = 30_000;

/**
 * How every connection is made and set up. Nothing of it comes from the environment, which the driver would look at otherwise.
 *
 * @throws DatabaseUrlError
 */
export function sessionConfig(
  url: string,
  {
    applicationName = 'cta-batch',
    query_timeout = 0,
    isBare = false,
    isUnlimited = false,
    ...timeouts
  }: SessionOptions = {},
): SessionConfig {
  const target = readDatabaseUrl(url);
  const limits: Limits = isUnlimited ? {} : { query_timeout, ...timeouts, ...target.timeouts };
  const isPlain = target.tls.attempts.join() === 'plain';
  return {
    Client: DatabaseClient,
    host: (isPlain && target.hostAddress) || target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    // Called when the server asks for one: it would look for a file of its own without a function.
    password: () => tellPassword(target),
    ...(isPlain ? {} : { stream: () => new NegotiatedSocket(target) }),
    ssl: false,
    sslnegotiation: 'postgres',
    application_name: target.applicationName ?? applicationName,
    ...(target.options === undefined ? {} : { options: target.options }),
    enableChannelBinding: target.requiresChannelBinding,
    channelBindingServer: target.requiresChannelBinding ? `${target.host}:${target.port}` : undefined,
    keepAlive: target.isKeptAlive,
    keepAliveInitialDelayMillis: target.keepAliveIdleMs ?? KEEP_ALIVE_IDLE_MS,
    connectionTimeoutMillis: target.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    query_timeout: limits.query_timeout ?? 0,
    setup: isBare
      ? undefined
      : writeSessionSetup({
          statement_timeout: limits.statement_timeout ?? 0,
          lock_timeout: limits.lock_timeout ?? 0,
          idle_in_transaction_session_timeout: limits.idle_in_transaction_session_timeout ?? 0,
        }),
  };
}

function tellPassword({ password, user, host, port }: DatabaseTarget): string {
  if (password !== undefined) return password;
  const where = isSocketFolder(host) ? host : `${host}:${port}`;
  throw new ConnectionError(
    `The server at ${where} asks for the password of ${user}, and DATABASE_URL has none: it is written ` +
      'postgres://USER:PASSWORD@HOST:PORT/DATABASE.',
  );
}
