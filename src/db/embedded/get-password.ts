import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Returns the superuser's password of this folder. The first call creates it. Programs that call
 * this at the same time get the same password.
 */
export async function getPassword(folder: string): Promise<string> {
  const path = join(folder, 'postgres-password');
  const stored = await readFile(path, 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (stored) return stored.trim();

  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(temporary, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(temporary, 0o600);
    // Unlike a rename, a link never replaces a password that another program has just written.
    await link(temporary, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
