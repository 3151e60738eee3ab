import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Returns the superuser's password of this folder. The first call creates it. Programs that call
 * this at the same time get the same password.
 */
export async function getPassword(folder: string): Promise<string> {
  const path = join(folder, 'postgres-password');
  const found = await readFile(path, 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (found) return found.trim();

  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(fresh, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(fresh, 0o600);
    // Unlike a rename, a link never replaces a password that another program has just written.
    await link(fresh, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
