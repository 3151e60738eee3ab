import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What postmaster.pid says. */
export interface FoundServer {
  readonly pid: number;
  readonly port: number;
  /** False: the file is stale, whatever else may have this pid by now. */
  readonly alive: boolean;
  /** Starting up, which lasts as long as its crash recovery. */
  readonly starting: boolean;
}

/** Reads who runs, or ran, the server of a data directory; undefined after a clean end. */
export async function findServer(dataDirectory: string): Promise<FoundServer | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // While the file is being written, it is as if it were not there yet.
  if (!(pid > 0) || lines.length < 4) return undefined;
  const alive = await isServer(pid, dataDirectory);
  return { pid, port: Number(lines[3]), alive, starting: lines[7]?.trim() === 'starting' };
}

/** Whether the process with this number is a server of the data directory. */
export async function isServer(pid: number, dataDirectory: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // gone, or of a user whom our server never runs as
  }
  if (process.platform !== 'linux') return true;
  // A zombie's command line is empty, and that of another process or thread with this number is another one.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(dataDirectory);
}
