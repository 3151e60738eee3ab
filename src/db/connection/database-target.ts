/** The values of `sslmode`, as libpq has them, and `no-verify`, which other drivers know: the same as `require`. */
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
  /** Which transports are tried, one after the other. `tls?` goes on without TLS if the server offers none. */
  readonly attempts: readonly ('plain' | 'tls' | 'tls?')[];
  /** As it stands in the address, for messages. */
  readonly mode: string;
  readonly check: 'nothing' | 'authority' | 'authority and name';
  /** PEM files; `system` for the authorities that the system trusts. Read anew for each connection. */
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly crl: string | undefined;
  readonly passphrase: string | undefined;
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly maxVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly sendServerName: boolean;
  /** `sslnegotiation=direct`: TLS from the first byte on. */
  readonly isDirect: boolean;
}

/** What DATABASE_URL says, checked. */
export interface DatabaseTarget {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  /** The address to connect to, if the host's name is not to be looked up. */
  readonly hostAddress: string | undefined;
  readonly port: number;
  /** Empty if the address has none. */
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: TlsPlan;
  /** Only a login that is bound to the server's certificate is allowed, and so only TLS. */
  readonly requiresChannelBinding: boolean;
  readonly connectTimeoutMs: number | undefined;
  readonly keepAliveIdleMs: number | undefined;
  readonly isKeptAlive: boolean;
  readonly applicationName: string | undefined;
  /** Sent to the server as they are. */
  readonly options: string | undefined;
  /** Time-outs in milliseconds that replace those of the program. */
  readonly timeouts: Readonly<Partial<Record<TimeoutParameter, number>>>;
}

/** Time-outs that an address may set. */
export const TIMEOUT_PARAMETERS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
] as const;

export type TimeoutParameter = (typeof TIMEOUT_PARAMETERS)[number];

/** Whether the server is reached by a Unix socket, on which nothing is encrypted. */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}
