import { setTimeout as delay } from 'node:timers/promises';
import { findServer, isServer } from './find-server.ts';

/** A fast shutdown cuts connections at once; most of the time goes to the checkpoint. */
const FAST_MS = 10_000;
/** PostgreSQL itself kills its processes 5 s after a SIGQUIT. */
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
      // It has ended meanwhile.
    }
    // Polls the pid: a server that was taken over is not a child of this process.
    for (const giveUpAt = Date.now() + patienceMs; Date.now() < giveUpAt; await delay(20)) {
      // postmaster.pid is no proof: it disappears a moment before the process does.
      if (!(await isServer(server.pid, dataDirectory))) return;
    }
  }
  throw new Error(`The embedded PostgreSQL (process ${server.pid}) in ${dataDirectory} does not stop.`);
}
