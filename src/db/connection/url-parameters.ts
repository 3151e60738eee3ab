import { TIMEOUT_PARAMETERS } from './database-target.ts';

/** Parameters that have an effect. */
const USED: readonly string[] = [
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'passfile'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'sslsni'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version', 'sslnegotiation', 'channel_binding'],
  ...['connect_timeout', 'keepalives', 'keepalives_idle'],
  ...['application_name', 'fallback_application_name', 'options', 'client_encoding'],
  ...['target_session_attrs', 'gssencmode'],
  ...TIMEOUT_PARAMETERS,
];

/** Parameters of libpq and of other drivers that are accepted and have no effect. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['uselibpqcompat', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout', 'sslcompression'],
  ...['gsslib', 'krbsrvname', 'gssdelegation', 'load_balance_hosts'],
  ...['min_protocol_version', 'max_protocol_version'],
];

/** Refused parameters of libpq: ignoring one could make a connection less safe than intended. */
const NOT_SUPPORTED: readonly string[] = [
  ...['service', 'servicefile', 'replication', 'require_auth', 'requirepeer', 'requiressl', 'sslcrldir'],
  ...['sslcertmode', 'sslkeylogfile', 'scram_client_key', 'scram_server_key'],
  ...['oauth_issuer', 'oauth_client_id', 'oauth_client_secret', 'oauth_scope'],
];

/** Parameters whose value may contain an unencoded `@`: names, passwords and paths. */
const FREE_TEXT: readonly string[] = [
  ...['host', 'user', 'password', 'dbname', 'passfile', 'application_name', 'fallback_application_name'],
  ...['options', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl'],
];

const KNOWN: readonly string[] = [...USED, ...WITHOUT_EFFECT, ...NOT_SUPPORTED];

/** Returns why a URL may not have this parameter; undefined if it may. */
export function checkParameter(name: string): string | undefined {
  if (NOT_SUPPORTED.includes(name)) {
    return `has the parameter ${name}, which this program does not support: remove it`;
  }
  if (KNOWN.includes(name)) return undefined;
  // Text that cannot be a parameter's name may be part of a password.
  const shown = /^[\w.-]{1,50}$/.test(name) ? ` ${JSON.stringify(name)}` : '';
  const meant = KNOWN.find((known) => simplify(known) === simplify(name));
  const help = meant === undefined ? 'remove it' : `did you mean ${meant}?`;
  return `has a parameter${shown} that PostgreSQL does not know: ${help}`;
}

/**
 * Returns whether every `@` of a query is in a place where it may be. If not, the query may be part
 * of a password.
 */
export function isProperQuery(query: string): boolean {
  if (!query.includes('@')) return true;
  return query.split('&').every((pair) => {
    const [name = '', ...value] = pair.split('=');
    return FREE_TEXT.includes(name) || (KNOWN.includes(name) && !value.join('=').includes('@'));
  });
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '');
}
