import { DatabaseUrlError } from './database-url-error.ts';
import { isProperQuery } from './url-parameters.ts';

/** The decoded parts of a database URL. A part that is missing is empty. */
export interface UrlParts {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: string;
  readonly database: string;
  /** The last value of each parameter, without empty values. */
  readonly parameters: ReadonlyMap<string, string>;
}

const ENCODE = 'in a user name or a password, write / as %2F, # as %23, ? as %3F, @ as %40, and % as %25';
const SHAPE = 'postgres://USER:PASSWORD@HOST:PORT/DATABASE';

/** Placeholders that templates contain in place of a value. */
const PLACEHOLDER =
  /^(\[[^\]]*\]|<[^>]*>|\{[^}]*\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Z_][A-Z\d_]*|%[A-Z_]*[G-Z_][A-Z_]*%)$/;

/**
 * Splits a database URL like libpq. A `%` that starts no escape stands for itself.
 *
 * @throws DatabaseUrlError that says what is wrong, and how to write it.
 */
export function splitDatabaseUrl(url: string): UrlParts {
  const rest = /^postgres(?:ql)?:\/\/(.*)$/s.exec(url)?.[1];
  if (rest === undefined) throw new DatabaseUrlError(`must begin with postgres://, as in ${SHAPE}`);
  const { authority, path, query, tail } = cutUp(rest);
  const at = authority.lastIndexOf('@');
  // An unencoded / ? or # in a password ends the authority before the @ of the host. Text that
  // looks like a host, a port or a parameter may then be part of the password and must not be
  // shown.
  const isEarly = path === '' ? query.includes('@') : path.includes('@') || !isProperQuery(query);
  const template = findPlaceholder(rest, isEarly);
  if (template !== undefined) throw template;
  if (isEarly || (at < 0 && tail.includes('@') && isNoPort(authority))) {
    throw new DatabaseUrlError(`cannot be read: ${ENCODE}`);
  }
  if (tail.includes('#')) throw new DatabaseUrlError(`must not contain a #: ${ENCODE}`);
  const [user = '', password = ''] = cutOnce(authority.slice(0, Math.max(at, 0)), ':');
  const { host, port } = splitHost(authority.slice(at + 1), at >= 0);
  checkHost(host);
  return {
    user: decode(user, 'a user'),
    password: decode(password, 'a password'),
    host: decode(host, 'a host'),
    port: decode(port, 'a port'),
    database: decode(path, 'a database'),
    parameters: readQuery(query),
  };
}

function cutUp(rest: string) {
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const tail = end < 0 ? '' : rest.slice(end);
  const [path = '', query = ''] = cutOnce(tail, '?');
  return { authority, path: path.replace(/^\//, ''), query, tail };
}

function isNoPort(authority: string): boolean {
  const [, port] = cutOnce(authority, ':');
  return port !== undefined && !authority.startsWith('[') && !/^\d*$/.test(port);
}

function splitHost(text: string, hasUser: boolean): { host: string; port: string } {
  if (text.includes(',')) throw severalHosts();
  const bracketed = /^\[([\da-f:.%]+)\](?::(.*))?$/i.exec(text);
  if (bracketed) return { host: bracketed[1] ?? '', port: bracketed[2] ?? '' };
  const [host = '', port = ''] = cutOnce(text, ':');
  if (port !== '' && !/^\d+$/.test(port)) {
    // Without a user, this may be a password.
    const shown = hasUser ? ` (it is ${JSON.stringify(port)})` : '';
    throw new DatabaseUrlError(
      `has a port that is not a number${shown}; the format is ${SHAPE}; ${ENCODE}; write an IPv6 address in []`,
    );
  }
  return { host, port };
}

function checkHost(host: string): void {
  if (!/[\s"'`<>{}[\]$|\\^]/.test(host)) return;
  throw new DatabaseUrlError(
    `has characters in its host that are not allowed (${host.slice(0, 80)}): replace the placeholder of a template with the host name`,
  );
}

/** Returns the error for a URL with several hosts, which libpq accepts. */
export function severalHosts(): DatabaseUrlError {
  return new DatabaseUrlError(
    'has several hosts, which are not supported: use one address that always leads to the primary, such as the address of a pooler or a virtual address',
  );
}

function readQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const [rawName = '', rawValue = ''] = cutOnce(pair, '=');
    const name = decode(rawName, 'a parameter');
    // Other drivers differ from libpq only in `options`: they read `+` as a space.
    const value = decode(
      name === 'options' ? rawValue.replaceAll('+', ' ') : rawValue,
      `the value of ${name}`,
    );
    if (value !== '') parameters.set(name, value);
  }
  return parameters;
}

/** Returns an error if a placeholder was copied from a template and not replaced. */
function findPlaceholder(rest: string, isEarly: boolean): DatabaseUrlError | undefined {
  const [before = ''] = cutOnce(rest, '?');
  const at = before.lastIndexOf('@');
  const [user = '', password = ''] = at < 0 ? [] : cutOnce(before.slice(0, at), ':');
  const [place = '', ...path] = before.slice(at + 1).split('/');
  const isIpv6 = /^\[[\da-f:.%]*\]/i.test(place);
  const [host = '', port = ''] = isIpv6 ? [] : cutOnce(place, ':');
  for (const [what, value] of Object.entries({ user, password, host, port, database: path.join('/') })) {
    if (isEarly && what !== 'password') continue;
    if (PLACEHOLDER.test(value)) {
      // A real password may look like a placeholder.
      const shown = what === 'password' ? '' : ` (${value})`;
      return new DatabaseUrlError(
        `still has a placeholder for the ${what}${shown}: replace it with the value, without brackets`,
      );
    }
  }
  return undefined;
}

function cutOnce(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(text: string, what: string): string {
  try {
    return text.replace(/(?:%[\da-f]{2})+/gi, decodeURIComponent);
  } catch {
    throw new DatabaseUrlError(`has ${what} with percent-encoding that is not valid UTF-8: ${ENCODE}`);
  }
}
