import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Resident memory in MiB: of a process itself, and of all its descendants. */
export interface Memory {
  readonly own: number;
  readonly children: number;
}

/** Reads the memory of a process and its descendants, from `ps`. */
export async function readMemory(pid: number): Promise<Memory> {
  const { stdout } = await run('ps', ['-Ao', 'pid=,ppid=,rss=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  const sumBelow = (parent: number): number =>
    rows
      .filter(([, ppid]) => ppid === parent)
      .reduce((sum, [child, , rss]) => sum + rss + sumBelow(child), 0);
  const own = rows.find(([id]) => id === pid)?.[2] ?? Number.NaN;
  return { own: own / 1024, children: sumBelow(pid) / 1024 };
}
