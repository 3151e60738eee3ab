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

/** A file that must be on disk: the operating system can load libraries only from files. */
export interface PackedFile {
  /** Relative to the folder to which it is unpacked. */
  readonly path: string;
  /** The hash of its content, in hex. */
  readonly sha256: string;
}

export interface UnpackOptions {
  /** Folders to try, best first: if one cannot be created or written, the next one is used. */
  readonly folders: readonly string[];
  /** The name of the subfolder. Another version of the program has another name. */
  readonly name: string;
  readonly files: readonly PackedFile[];
  /**
   * Whether a file is used now, so its content must be verified. That takes time for large files.
   */
  isNeeded(file: PackedFile): boolean;
  readonly userId: number;
  read(file: PackedFile): Uint8Array;
}

/** The files cannot be unpacked. The message tells the user what to do. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
  /** The command line prints an error with a `code` without its stack. */
  readonly code = 'ERR_UNPACK';
}

const UNFINISHED = '.unpacking-';
/** Unpacking takes seconds, so an older folder was left by a process that was killed. */
const ABANDONED_MS = 3_600_000;

const HELP = 'Set CTA_BATCH_CACHE to a folder that only this user can write to.';

/**
 * Unpacks all files into a folder that only this user can access, and returns the folder. Verifies
 * the content of needed files. Idempotent; any number of processes may call this at once: the
 * folder appears atomically, and a missing or changed file is replaced atomically.
 *
 * @throws UnpackError if no folder can be written, or if one belongs to another user or is open to
 * others.
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
  throw new UnpackError(`The native libraries cannot be unpacked to ${failures.join(', or to ')}. ${HELP}`);
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

/** A user with write access to the folder could make this program run any code. */
function refuseForeign(folder: string, userId: number): void {
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw new UnpackError(`${folder} is not a folder. ${HELP}`);
  if (found.uid !== userId) throw new UnpackError(`The folder ${folder} belongs to another user. ${HELP}`);
  if ((found.mode & 0o077) !== 0) {
    throw new UnpackError(
      `The folder ${folder} is accessible to other users: its mode must be 0700. ${HELP}`,
    );
  }
}

/** Creates the folder under a temporary name first, so that no other process finds a part of it. */
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
    // Ignores the error if another process was faster.
    if (!isThere(target)) throw error;
  }
}

/**
 * Like `mkdirSync` with `recursive`, which loops forever if the system reports an existing folder
 * as missing (/proc, automounts).
 */
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
    // The file is missing, or it is not a regular file.
    return false;
  }
}

/** A process that has loaded the old file keeps using it. */
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
