/** libpq's values of `sslmode`, and `no-verify` of other drivers: TLS without any check. */
export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;

/** How a connection is encrypted. */
export interface TlsPlan {
  /** The transports to try, in order. `tls?` continues without TLS if the server offers none. */
  readonly attempts: readonly ('plain' | 'tls' | 'tls?')[];
  /** The `sslmode` in effect, for messages. */
  readonly mode: string;
  readonly check: 'nothing' | 'authority' | 'authority and name';
  /**
   * Paths of PEM files, which are read again for each connection. `rootCert` may be `system`, for
   * the authorities that the system trusts.
   */
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly crl: string | undefined;
  readonly passphrase: string | undefined;
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly maxVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly sendServerName: boolean;
  /** `sslnegotiation=direct`: TLS from the first byte. */
  readonly isDirect: boolean;
}

/** DATABASE_URL, parsed and validated. */
export interface DatabaseTarget {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  /** The IP address to connect to, instead of looking up `host`. */
  readonly hostAddress: string | undefined;
  readonly port: number;
  /** Empty if the URL has no user. */
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: TlsPlan;
  /** Only a login that is bound to the server's certificate is allowed. It needs TLS. */
  readonly requiresChannelBinding: boolean;
  readonly connectTimeoutMs: number | undefined;
  readonly keepAliveIdleMs: number | undefined;
  readonly isKeptAlive: boolean;
  readonly applicationName: string | undefined;
  /** Sent to the server unchanged. */
  readonly options: string | undefined;
  /** Milliseconds. They replace the program's own time-outs. */
  readonly timeouts: Readonly<Partial<Record<TimeoutParameter, number>>>;
}

/** Time-outs that DATABASE_URL may set. */
export const TIMEOUT_PARAMETERS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
] as const;

export type TimeoutParameter = (typeof TIMEOUT_PARAMETERS)[number];

/** Returns whether `host` is the folder of a Unix socket, where nothing is encrypted. */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}
