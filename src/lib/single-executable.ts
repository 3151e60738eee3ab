import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

/*
 * The program also runs as a single executable: one file with Node.js and the program in it. Only
 * this file handles the difference; `main/binary` has the entry point of the executable.
 */

const ROOT = new URL('../../', import.meta.url);

/** Returns whether this process runs from the single executable. */
export function isSingleExecutable(): boolean {
  return isSea();
}

/**
 * Returns a text file of the program's package by its relative path; undefined if it does not
 * exist.
 */
export function findPackageFile(path: string): string | undefined {
  try {
    return isSea() ? getAsset(path, 'utf8') : readFileSync(new URL(path, ROOT), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Like `findPackageFile`, but throws if the file does not exist. */
export function readPackageFile(path: string): string {
  const text = findPackageFile(path);
  if (text === undefined) throw new Error(`the file ${path} of the package is missing`);
  return text;
}

/**
 * Returns the `execArgv` for `fork` that passes these flags to Node.js. The single executable takes
 * all of them in one argument, and runs one of the files inside it.
 */
export function toExecArgv(flags: readonly string[]): string[] {
  return isSea() ? [`--node-options=${flags.join(' ')}`] : [...flags];
}
