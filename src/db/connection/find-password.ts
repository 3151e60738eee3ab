import { readFileSync, statSync } from 'node:fs';
import { type DatabaseTarget, isSocketFolder } from './database-target.ts';

/**
 * Finds the password in libpq's password file: lines of `host:port:database:user:password`, where
 * `*` matches anything and `\` escapes `:` and `\`. Returns undefined if no line matches, or if
 * other users have access to the file.
 */
export function findPassword(
  { host, port, database, user }: Pick<DatabaseTarget, 'host' | 'port' | 'database' | 'user'>,
  path: string,
): string | undefined {
  const wanted = [isSocketFolder(host) ? 'localhost' : host, String(port), database, user];
  for (const line of readLines(path)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) =>
      dropEscapes(field),
    );
    if (fields.length < 5) continue;
    if (wanted.every((value, index) => fields[index] === '*' || fields[index] === value)) return fields[4];
  }
  return undefined;
}

function readLines(path: string): string[] {
  try {
    // libpq also ignores a file that other users have access to.
    if ((statSync(path).mode & 0o077) !== 0) return [];
    return readFileSync(path, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}

function dropEscapes(field: string): string {
  return field.replace(/\\(.)/g, '$1');
}
