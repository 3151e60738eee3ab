import { DatabaseUrlError } from './database-url-error.ts';
import { findPassword } from './find-password.ts';
import { readDatabaseUrl } from './read-database-url.ts';
import { splitDatabaseUrl } from './split-database-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** libpq's environment variables, and the URL parameters for which they are the default. */
const PARAMETER_OF = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGPASSFILE: 'passfile',
  PGOPTIONS: 'options',
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGSSLCRL: 'sslcrl',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
  PGCHANNELBINDING: 'channel_binding',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
} as const;

/**
 * Returns the URL with its missing parts from libpq's environment variables and password file, so
 * that later code does not read the environment. Parts that the URL has stay unchanged.
 *
 * @throws DatabaseUrlError that names the variables if only they make the URL unusable.
 */
export function fillFromEnvironment(url: string, environment: Environment): string {
  readDatabaseUrl(url);
  const added = listAdded(url, environment);
  let filled = add(url, added);
  try {
    const target = readDatabaseUrl(filled);
    if (target.user === '') throw new DatabaseUrlError('has no user, and PGUSER is not set');
    const home = environment.HOME;
    const passfile = splitDatabaseUrl(filled).parameters.get('passfile') ?? (home && `${home}/.pgpass`);
    if (target.password === undefined && passfile) {
      const password = findPassword(target, passfile);
      if (password !== undefined) filled = add(filled, [['password', password]]);
    }
    return filled;
  } catch (error) {
    if (!(error instanceof DatabaseUrlError) || added.length === 0) throw error;
    const names = Object.entries(PARAMETER_OF).flatMap(([name, parameter]) =>
      added.some(([one]) => one === parameter) && environment[name] ? [name] : [],
    );
    throw new DatabaseUrlError(
      `cannot be used together with ${names.join(', ')} of the environment, which fill its missing parts: together they form an address that ${error.message}`,
    );
  }
}

function listAdded(url: string, environment: Environment): [parameter: string, value: string][] {
  const given = splitDatabaseUrl(url);
  const has = (parameter: string) => {
    if (parameter === 'dbname') return given.database !== '' || given.parameters.has('dbname');
    if (parameter === 'host' || parameter === 'port' || parameter === 'user' || parameter === 'password') {
      return given[parameter] !== '' || given.parameters.has(parameter);
    }
    // PGHOSTADDR belongs to PGHOST, not to a host in the URL. `ssl` is another name of `sslmode`.
    if (parameter === 'hostaddr') return given.host !== '' || given.parameters.has('host');
    if (parameter === 'sslmode' && given.parameters.has('ssl')) return true;
    return given.parameters.has(parameter);
  };
  const added: [string, string][] = [];
  for (const [name, parameter] of Object.entries(PARAMETER_OF)) {
    const value = environment[name];
    if (value && !has(parameter)) added.push([parameter, value]);
  }
  const isNamed = has('user') || added.some(([parameter]) => parameter === 'user');
  if (!isNamed && environment.USER) added.push(['user', environment.USER]);
  return added;
}

function add(url: string, parameters: readonly (readonly [string, string])[]): string {
  return parameters.reduce(
    (longer, [name, value]) =>
      `${longer}${longer.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`,
    url,
  );
}
