import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/** A user of the system, by number. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** All that PostgreSQL's programs get to see: what PG* or LC_* our own environment has must not steer them. */
export const CLEAN_ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** Runs a program to its end, as `account` if given, and answers its output. Throws what it said on stderr. */
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
