import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/** A user of the system, by its numeric ids. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The whole environment of PostgreSQL's programs: PG* and LC_* variables of this process must not
 * affect them.
 */
export const CLEAN_ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Runs a program until it ends, as `account` if given, and returns its output. Throws an error with
 * its stderr.
 */
export async function runProgram(file: string, args: readonly string[], account?: Account): Promise<string> {
  try {
    // The account may not be able to enter our working directory.
    const options = { cwd: '/', env: CLEAN_ENVIRONMENT, ...account };
    return (await promisify(execFile)(file, args, options)).stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${basename(file)}: ${stderr?.trim() || message}`, { cause: error });
  }
}
