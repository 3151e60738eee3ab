import { ConnectionError } from './connection-error.ts';
import { DatabaseClient } from './database-client.ts';
import { type DatabaseTarget, isSocketFolder } from './database-target.ts';
import { NegotiatedSocket } from './negotiated-socket.ts';
import { readDatabaseUrl } from './read-database-url.ts';
import { type SessionTimeouts, writeSessionSetup } from './session-settings.ts';

/** The configuration of our clients. A pool creates its clients with `Client`. */
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
  /**
   * Set if only a login with channel binding is allowed: the host and port of the server, for error
   * messages.
   */
  readonly channelBindingServer: string | undefined;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelayMillis: number;
  readonly connectionTimeoutMillis: number;
  readonly query_timeout: number;
  /** A statement that runs on each connection before its first use. */
  readonly setup: string | undefined;
}

export interface SessionOptions extends Partial<SessionTimeouts> {
  readonly applicationName?: string;
  /** Milliseconds until the client gives up on a statement; 0 is never. */
  readonly query_timeout?: number;
  /** Whether to omit `setup`: the session then has the settings of the server and the role. */
  readonly isBare?: boolean;
  /** Whether statements run without a time-out: those in the options and in the URL are ignored. */
  readonly isUnlimited?: boolean;
}

type Limits = DatabaseTarget['timeouts'];

const CONNECT_TIMEOUT_MS = 10_000;
/** The system's default is two hours. Firewalls and NAT drop a silent connection much earlier. */
const KEEP_ALIVE_IDLE_MS = 30_000;

/**
 * Returns the configuration of a connection. It sets every value that the driver would otherwise
 * read from the environment.
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
    // Called if the server asks for a password. Being a function, it keeps the driver from reading
    // a password file.
    password: () => requirePassword(target),
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

function requirePassword({ password, user, host, port }: DatabaseTarget): string {
  if (password !== undefined) return password;
  const where = isSocketFolder(host) ? host : `${host}:${port}`;
  throw new ConnectionError(
    `The server at ${where} asks for the password of ${user}, and DATABASE_URL has none: write it as ` +
      'postgres://USER:PASSWORD@HOST:PORT/DATABASE.',
  );
}
