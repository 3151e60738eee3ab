import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findAccount } from './find-account.ts';
import type { Binaries } from './find-binaries.ts';
import { makeRunnable } from './make-runnable.ts';
import { type Account, runProgram } from './run-program.ts';

/**
 * Where a server's data are, which binaries run it, and as which user (undefined: the user of this
 * process).
 */
export interface DataDirectory {
  readonly dataDirectory: string;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
}

interface DirectoryOptions {
  /** A real path. Its hash names the directory if the data must be outside this folder. */
  readonly folder: string;
  readonly binaries: Binaries;
  readonly password: string;
  readonly log: { info(message: string): void };
}

/**
 * Resolves where the data are or will be. For an ordinary user, that is the folder. Root runs
 * PostgreSQL as another user, who may be unable to enter the folder or to run the binaries (a
 * checkout in /root): then it is the first place where that user can do both.
 * `<folder>/postgres-location` records it for programs that join.
 */
export async function resolveDataDirectory({
  folder,
  binaries,
  password,
  log,
}: DirectoryOptions): Promise<DataDirectory> {
  const here = join(folder, 'postgres');
  if (process.getuid?.() !== 0) return { dataDirectory: here, binaries, account: undefined };

  const location = join(folder, 'postgres-location');
  const stored = (await readFile(location, 'utf8').catch(() => '')).trim();
  const id = hash(folder);
  const elsewhere = [`/var/lib/cta-batch/${id}`, `/var/tmp/cta-batch/${id}`];
  // Existing data in the folder must not be replaced by an empty database elsewhere.
  const places = stored ? [stored] : existsSync(here) ? [folder] : [folder, ...elsewhere];
  const reasons: string[] = [];
  for (const place of places) {
    // The name depends on the password: a user who deletes the folder to start over must not get
    // the data of the deleted one.
    const dataDirectory = place === folder ? here : join(place, `postgres-${hash(password)}`);
    const account = await findAccount(dataDirectory);
    try {
      if (place !== folder) await makeFolderOfRoot(place);
      await tryFolder(place, account);
      const usable = await makeRunnable(binaries, place, account);
      if (place !== folder) {
        if (!stored) await writeWhole(location, `${place}\n`);
        log.info(
          `PostgreSQL's data is in ${dataDirectory} because its user (${account.uid}) cannot access ${folder}.`,
        );
      }
      return { dataDirectory, binaries: usable, account };
    } catch (error) {
      reasons.push(`${place}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and the user that runs it instead has no folder that it can use. Give that user ' +
      'access, run this program as an ordinary user, or set DATABASE_URL to a PostgreSQL 15 or newer.\n' +
      reasons.join('\n'),
  );
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Anyone may have created a folder in /var/tmp first, so only a directory of root is used. */
async function makeFolderOfRoot(place: string): Promise<void> {
  for (const path of [dirname(place), place]) {
    await mkdir(path).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const made = await lstat(path);
    if (!made.isDirectory() || made.uid !== 0) throw new Error(`${path} is not a directory of root`);
    await chmod(path, 0o755);
  }
}

/**
 * Tests by writing a file, because file modes are not sufficient (root squash, mounts without
 * owners, access lists).
 */
async function tryFolder(place: string, account: Account): Promise<void> {
  const probe = await mkdtemp(join(place, 'probe-'));
  try {
    await chown(probe, account.uid, account.gid);
    await runProgram('/bin/sh', ['-c', 'cd "$0" && : > file', probe], account);
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, text);
  await rename(fresh, path);
}
