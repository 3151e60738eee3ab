import { existsSync } from 'node:fs';
import { chown, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Account } from './run-program.ts';

/**
 * Creating a directory takes seconds, so the program that made an older one was killed meanwhile.
 */
const ABANDONED_MS = 10 * 60_000;

/**
 * Creates a directory atomically: `fill` creates it as `made` in a working folder beside the target
 * (owned by `account`), then a rename puts it in place. If several programs do this at once, the
 * first one wins and the others delete their copy. The directory exists if `marker`, a file in it,
 * exists.
 */
export async function createAtomically(
  { target, marker, account }: { target: string; marker: string; account?: Account | undefined },
  fill: (made: string, work: string) => Promise<void>,
): Promise<void> {
  const isThere = () => existsSync(join(target, marker));
  if (isThere()) return;
  await removeAbandoned(`${target}.new-`);
  const work = await mkdtemp(`${target}.new-`);
  try {
    if (account) await chown(work, account.uid, account.gid);
    await fill(join(work, 'made'), work);
    await rename(join(work, 'made'), target).catch((error) => {
      if (!isThere()) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function removeAbandoned(prefix: string): Promise<void> {
  const names = await readdir(dirname(prefix));
  for (const name of names.filter((name) => name.startsWith(basename(prefix)))) {
    const path = join(dirname(prefix), name);
    const created = await stat(path).catch(() => undefined);
    if (created && Date.now() - created.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
}
