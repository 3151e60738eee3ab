import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

/*
 * The program also runs as one executable file that is Node.js and itself. This is all that knows of the difference; the
 * executable's own beginning is in `main/binary`.
 */

const ROOT = new URL('../../', import.meta.url);

/** Whether this is it. */
export function isSingleExecutable(): boolean {
  return isSea();
}

/** A text file of the program's package, by its path in there; undefined if there is none. */
export function findPackageFile(path: string): string | undefined {
  try {
    return isSea() ? getAsset(path, 'utf8') : readFileSync(new URL(path, ROOT), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND') return undefined;
    throw error;
  }
}

/** One that must be there. */
export function readPackageFile(path: string): string {
  const text = findPackageFile(path);
  if (text === undefined) throw new Error(`the file ${path} of the package is missing`);
  return text;
}

/**
 * Flags for Node.js, as `fork` passes them to a process of the program: an executable takes those for Node.js in one argument, and
 * the file to run is one of those inside it.
 */
export function toExecArgv(flags: readonly string[]): string[] {
  return isSea() ? [`--node-options=${flags.join(' ')}`] : [...flags];
}
