import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The contents of postmaster.pid. */
export interface FoundServer {
  readonly pid: number;
  readonly port: number;
  /** False if the file is stale, even if another process has this pid by now. */
  readonly alive: boolean;
  /** Whether the server is starting up, which takes as long as its crash recovery. */
  readonly starting: boolean;
}

/**
 * Returns the server that runs, or last ran, in a data directory; undefined after a clean shutdown.
 */
export async function findServer(dataDirectory: string): Promise<FoundServer | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // While the server is still writing the file, treats it as missing.
  if (!(pid > 0) || lines.length < 4) return undefined;
  const alive = await isServer(pid, dataDirectory);
  return { pid, port: Number(lines[3]), alive, starting: lines[7]?.trim() === 'starting' };
}

/** Returns whether the process with this pid is a server of the data directory. */
export async function isServer(pid: number, dataDirectory: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // It has ended, or belongs to a user as whom our server never runs.
  }
  if (process.platform !== 'linux') return true;
  // A zombie's command line is empty; that of another process or thread with this pid differs.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(dataDirectory);
}
