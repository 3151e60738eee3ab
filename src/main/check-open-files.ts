import { readFileSync } from 'node:fs';
import { SettingsError } from './config.ts';

/**
 * File descriptors that the program needs to start: PostgreSQL alone needs 58 and those that it
 * inherits. 128 are enough under load.
 */
const MIN_OPEN_FILES = 80;

/** Throws `SettingsError` if this process may open too few files to work reliably. */
export function checkOpenFiles(limit: number = readLimit()): void {
  if (limit >= MIN_OPEN_FILES) return;
  throw new SettingsError(
    `This process may open at most ${limit} files (ulimit -n). It needs at least ${MIN_OPEN_FILES}, and 1024 is recommended. Raise the limit: ` +
      'ulimit -n 1024, LimitNOFILE= of systemd, or --ulimit nofile=1024 of a container.',
  );
}

/** Returns the limit on Linux. Elsewhere it is unknown, and this returns infinity. */
function readLimit(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
