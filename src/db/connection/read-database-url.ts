import {
  type DatabaseTarget,
  isSocketFolder,
  SSL_MODES,
  TIMEOUT_PARAMETERS,
  type TlsPlan,
} from './database-target.ts';
import { DatabaseUrlError } from './database-url-error.ts';
import { severalHosts, splitDatabaseUrl } from './split-database-url.ts';
import { checkParameter } from './url-parameters.ts';

type Parameters = ReadonlyMap<string, string>;
type SslMode = (typeof SSL_MODES)[number];

const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
/** libpq's minimum for `connect_timeout`, in seconds. */
const MIN_CONNECT_TIMEOUT = 2;

/**
 * Parses a database URL like libpq, but without the environment.
 *
 * @throws DatabaseUrlError that says what is wrong with it.
 */
export function readDatabaseUrl(url: string): DatabaseTarget {
  const parts = splitDatabaseUrl(url);
  const { parameters } = parts;
  for (const name of parameters.keys()) {
    const fault = checkParameter(name);
    if (fault !== undefined) throw new DatabaseUrlError(fault);
  }
  checkFixed(parameters);
  const host = parameters.get('host') ?? (parts.host || 'localhost');
  if (host.includes(',') || parameters.get('hostaddr')?.includes(',')) throw severalHosts();
  const user = parameters.get('user') ?? parts.user;
  const binding = readOneOf(parameters, 'channel_binding', ['disable', 'prefer', 'require']);
  const requiresChannelBinding = binding === 'require';
  const connectTimeout = readWhole(parameters, 'connect_timeout');
  const keepAliveIdle = readWhole(parameters, 'keepalives_idle');
  return {
    host,
    hostAddress: parameters.get('hostaddr'),
    port: readPort(parameters.get('port') ?? parts.port),
    user,
    password: parameters.get('password') ?? (parts.password || undefined),
    database: parameters.get('dbname') ?? (parts.database || user),
    tls: planTls(parameters, host, requiresChannelBinding),
    requiresChannelBinding,
    connectTimeoutMs: connectTimeout ? Math.max(connectTimeout, MIN_CONNECT_TIMEOUT) * 1000 : undefined,
    keepAliveIdleMs: keepAliveIdle ? keepAliveIdle * 1000 : undefined,
    isKeptAlive: readWhole(parameters, 'keepalives') !== 0,
    applicationName: parameters.get('application_name'),
    options: parameters.get('options'),
    timeouts: Object.fromEntries(
      TIMEOUT_PARAMETERS.flatMap((name) => {
        const ms = readWhole(parameters, name);
        return ms === undefined ? [] : [[name, ms]];
      }),
    ),
  };
}

/** Checks parameters of which only some values are supported. */
function checkFixed(parameters: Parameters): void {
  const encoding = parameters.get('client_encoding');
  if (encoding !== undefined && !/^(auto|utf-?8|unicode)$/i.test(encoding)) {
    throw new DatabaseUrlError(
      'has a client_encoding other than UTF8, the only one that this program supports',
    );
  }
  const attributes = ['any', 'read-write', 'primary', 'read-only', 'standby', 'prefer-standby'] as const;
  const wanted = readOneOf(parameters, 'target_session_attrs', attributes);
  if (wanted === 'read-only' || wanted === 'standby') {
    throw new DatabaseUrlError(
      `requests a read-only server (target_session_attrs=${wanted}); the program needs the primary`,
    );
  }
  if (readOneOf(parameters, 'gssencmode', ['disable', 'prefer', 'require']) === 'require') {
    throw new DatabaseUrlError(
      'has gssencmode=require, which this program does not support: encrypt with sslmode',
    );
  }
}

function planTls(parameters: Parameters, host: string, requiresChannelBinding: boolean): TlsPlan {
  const rootCert = parameters.get('sslrootcert');
  const mode = readMode(parameters, rootCert);
  const isDirect = readOneOf(parameters, 'sslnegotiation', ['postgres', 'direct']) === 'direct';
  if (isDirect && !['require', 'no-verify', 'verify-ca', 'verify-full'].includes(mode)) {
    throw new DatabaseUrlError('has sslnegotiation=direct, which needs sslmode=require or a stricter one');
  }
  if (rootCert === 'system' && mode !== 'verify-full' && mode !== 'disable') {
    throw new DatabaseUrlError('has sslrootcert=system, which needs sslmode=verify-full');
  }
  const attempts = isSocketFolder(host) ? (['plain'] as const) : listAttempts(mode);
  if (requiresChannelBinding && attempts.join() === 'plain') {
    const reason = mode === 'disable' ? 'sslmode=disable' : 'the folder of a Unix socket as its host';
    throw new DatabaseUrlError(
      `has channel_binding=require together with ${reason}, where there is no TLS to bind to: remove one of them`,
    );
  }
  const [cert, key] = [parameters.get('sslcert'), parameters.get('sslkey')];
  if ((cert === undefined) !== (key === undefined)) {
    throw new DatabaseUrlError(
      `has ${cert ? 'sslcert without sslkey' : 'sslkey without sslcert'}: a client certificate and its key must be set together`,
    );
  }
  return {
    attempts: requiresChannelBinding ? ['tls'] : attempts,
    mode,
    check: readCheck(mode, rootCert),
    rootCert,
    cert,
    key,
    crl: parameters.get('sslcrl'),
    passphrase: parameters.get('sslpassword'),
    minVersion: readOneOf(parameters, 'ssl_min_protocol_version', TLS_VERSIONS),
    maxVersion: readOneOf(parameters, 'ssl_max_protocol_version', TLS_VERSIONS),
    sendServerName: readWhole(parameters, 'sslsni') !== 0,
    isDirect,
  };
}

/**
 * `ssl` is the spelling of other drivers. Without `sslmode`, and if `ssl` does not turn TLS or its
 * checks off, `sslrootcert` and `sslcert` imply `verify-full`: an operator who sets one of them
 * expects that the server is checked.
 */
function readMode(parameters: Parameters, rootCert: string | undefined): SslMode {
  const mode = readOneOf(parameters, 'sslmode', SSL_MODES);
  const ssl = readOneOf(parameters, 'ssl', ['true', 'false', '1', '0', 'no-verify']);
  if (mode !== undefined) return mode;
  if (ssl === 'false' || ssl === '0') return 'disable';
  if (ssl === 'no-verify') return 'no-verify';
  if (rootCert !== undefined || parameters.has('sslcert')) return 'verify-full';
  if (ssl !== undefined || parameters.get('sslnegotiation') === 'direct') return 'require';
  return 'prefer';
}

function listAttempts(mode: SslMode): TlsPlan['attempts'] {
  if (mode === 'disable') return ['plain'];
  if (mode === 'allow') return ['plain', 'tls'];
  if (mode === 'prefer') return ['tls?', 'plain'];
  return ['tls'];
}

/**
 * Like libpq, checks the authority if `sslrootcert` is set. Otherwise `verify-ca` checks the name
 * too, because any server can have a certificate of a public authority.
 */
function readCheck(mode: SslMode, rootCert: string | undefined): TlsPlan['check'] {
  if (mode === 'no-verify') return 'nothing';
  if (mode === 'verify-full') return 'authority and name';
  if (rootCert !== undefined) return 'authority';
  return mode === 'verify-ca' ? 'authority and name' : 'nothing';
}

function readPort(text: string): number {
  if (text === '') return 5432;
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new DatabaseUrlError(`has the port ${text.slice(0, 20)}; a port is a number from 1 to 65535`);
}

function readWhole(parameters: Parameters, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  if (/^-?\d{1,9}$/.test(text)) return Math.max(Number(text), 0);
  throw new DatabaseUrlError(`has ${name}=${text.slice(0, 50)}; it must be a whole number`);
}

function readOneOf<T extends string>(
  parameters: Parameters,
  name: string,
  values: readonly T[],
): T | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const value = values.find((one) => one === text);
  if (value !== undefined) return value;
  throw new DatabaseUrlError(`has ${name}=${text.slice(0, 50)}; it must be one of ${values.join(', ')}`);
}
