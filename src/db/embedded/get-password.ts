import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The superuser's password of this folder, made at the first call. Two programs at once get the same one. */
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
    // A link, unlike a rename, never replaces the password that another program has just written.
    await link(fresh, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
