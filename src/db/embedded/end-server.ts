import { setTimeout as delay } from 'node:timers/promises';
import { findServer, isServer } from './find-server.ts';

/** Time limit of a fast shutdown: it closes connections at once, but its checkpoint takes time. */
const FAST_MS = 10_000;
/** Time limit after a SIGQUIT: PostgreSQL itself kills its processes after 5 s. */
const IMMEDIATE_MS = 10_000;

/**
 * Ends the server of a data directory and waits until it has ended. Does nothing if there is none.
 */
export async function endServer(dataDirectory: string): Promise<void> {
  const server = await findServer(dataDirectory);
  if (!server?.alive) return;
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_MS],
    ['SIGQUIT', IMMEDIATE_MS],
  ] as const) {
    try {
      process.kill(server.pid, signal);
    } catch {
      // It has already ended.
    }
    // Polls the pid: a server that was taken over is not a child of this process.
    for (const giveUpAt = Date.now() + patienceMs; Date.now() < giveUpAt; await delay(20)) {
      // A missing postmaster.pid is not enough: it is deleted just before the process ends.
      if (!(await isServer(server.pid, dataDirectory))) return;
    }
  }
  throw new Error(`The embedded PostgreSQL (process ${server.pid}) in ${dataDirectory} does not stop.`);
}
