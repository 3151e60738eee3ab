import { createHash, randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A file that has to lie on a disk: the system's loader takes libraries from nowhere else. */
export interface PackedFile {
  /** Below the folder it is unpacked to. */
  readonly path: string;
  /** Of its content, in hex. */
  readonly sha256: string;
}

export interface UnpackOptions {
  /** Where to, the best first: the next is tried when one cannot be made or written. */
  readonly folders: readonly string[];
  /** Of all files: another version of the program has another folder beside this one. */
  readonly name: string;
  readonly files: readonly PackedFile[];
  /** Whether a file will be used now, and its content has to be looked at: that takes time for the large ones. */
  isNeeded(file: PackedFile): boolean;
  readonly userId: number;
  read(file: PackedFile): Uint8Array;
}

/** The files cannot be unpacked; the message is a sentence for the person who started the program. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
  /** As errors of the system have one: it is foreseen. */
  readonly code = 'ERR_UNPACK';
}

const UNFINISHED = '.unpacking-';
/** Unpacking takes seconds: what is older was left by a process that was killed. */
const ABANDONED_MS = 3_600_000;

const HELP = 'Set CTA_BATCH_CACHE to a folder that only this user can write.';

/**
 * Has all files, those that are needed with exactly their content, in a folder of this user's own, and answers which that is. May run in any number of
 * processes at once: the folder appears whole, and a file that is missing or has another content is replaced whole.
 *
 * @throws UnpackError when there is no such folder, or when it is another user's or open to others.
 */
export function unpackFiles({ folders, ...options }: UnpackOptions): string {
  const failures: string[] = [];
  for (const folder of folders.map((name) => resolve(name))) {
    try {
      return unpackInto(folder, options);
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      failures.push(`${folder} (${error.code})`);
    }
  }
  throw new UnpackError(`The native libraries cannot be unpacked to ${failures.join(', nor to ')}. ${HELP}`);
}

function unpackInto(folder: string, options: Omit<UnpackOptions, 'folders'>): string {
  const { name, files, isNeeded, userId, read } = options;
  const target = join(folder, name);
  makeFolder(folder);
  refuseForeign(folder, userId);
  if (!isThere(target)) makeWhole(folder, target, files, read);
  refuseForeign(target, userId);
  for (const file of files.filter(isNeeded)) {
    if (!isIntact(target, file)) replaceFile(join(target, file.path), read(file));
  }
  return target;
}

/** Whoever can write there could have this program run what he likes. */
function refuseForeign(folder: string, userId: number): void {
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw new UnpackError(`${folder} is not a folder. ${HELP}`);
  if (found.uid !== userId) throw new UnpackError(`The folder ${folder} belongs to another user. ${HELP}`);
  if ((found.mode & 0o077) !== 0) {
    throw new UnpackError(`The folder ${folder} is open to other users: its mode must be 0700. ${HELP}`);
  }
}

/** Under a name of its own first: another process never finds a half of it. */
function makeWhole(
  folder: string,
  target: string,
  files: readonly PackedFile[],
  read: (file: PackedFile) => Uint8Array,
): void {
  clearAbandoned(folder);
  const made = mkdtempSync(join(folder, UNFINISHED));
  try {
    for (const file of files) {
      const path = join(made, file.path);
      makeFolder(dirname(path));
      writeFileSync(path, read(file), { mode: 0o600 });
    }
    renameSync(made, target);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another process was faster.
    if (!isThere(target)) throw error;
  }
}

/** As `mkdirSync` with `recursive`, which tries for ever where the system says that a folder that is there is not (/proc, automounts). */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || isThere(dirname(path))) throw error;
    makeFolder(dirname(path));
    makeFolder(path);
  }
}

function clearAbandoned(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.startsWith(UNFINISHED))) {
    const path = join(folder, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
  }
}

function isIntact(target: string, { path, sha256 }: PackedFile): boolean {
  try {
    return (
      createHash('sha256')
        .update(readFileSync(join(target, path)))
        .digest('hex') === sha256
    );
  } catch {
    // Missing, or something else than a file.
    return false;
  }
}

/** A process that has the old one loaded keeps it. */
function replaceFile(path: string, content: Uint8Array): void {
  const made = `${path}.${randomBytes(6).toString('hex')}`;
  makeFolder(dirname(path));
  writeFileSync(made, content, { mode: 0o600, flag: 'wx' });
  try {
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { force: true });
    throw error;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isUnwritable(error: unknown): error is NodeJS.ErrnoException {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENOSPC', 'EDQUOT'].includes(code);
}
