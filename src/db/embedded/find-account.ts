import { readFile, stat } from 'node:fs/promises';
import type { Account } from './run-program.ts';

/**
 * Returns the user as which root runs PostgreSQL (which refuses to run as root): the owner of
 * existing data, so that they stay usable after a change of user; for new data `postgres`, else
 * `nobody`.
 */
export async function findAccount(dataDirectory: string): Promise<Account> {
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name);
    if (Number(user?.[2]) > 0) return { uid: Number(user?.[2]), gid: Number(user?.[3]) };
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and there is no user "postgres" or "nobody". Run this program as ' +
      'an ordinary user, or set DATABASE_URL to a PostgreSQL 15 or newer.',
  );
}
