import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findPort } from './find-port.ts';
import { findServer } from './find-server.ts';
import { openSession, type Session } from './open-session.ts';
import type { DataDirectory } from './resolve-data-directory.ts';
import { startServer } from './start-server.ts';

/**
 * Enough for another program's server to end, or for a start that collided with another one to be
 * retried.
 */
const TIMEOUT_MS = 15_000;
const BETWEEN_TRIES_MS = 50;
const BETWEEN_STARTS_MS = 500;
/**
 * After this many starts, a recovering server no longer extends the deadline: it may crash again
 * and again.
 */
const MAX_WAITED_STARTS = 3;

interface StartOrJoinOptions {
  readonly place: DataDirectory;
  readonly password: string;
  readonly settings: Record<string, string>;
  readonly log: { info(message: string): void; warn(message: string): void };
}

/**
 * Opens a session with the server of a data directory; starts the server if none runs. Other
 * programs may do the same at any moment: PostgreSQL's own lock file decides whose server runs, and
 * the others join it.
 */
export async function startOrJoin(options: StartOrJoinOptions): Promise<{ session: Session; port: number }> {
  const { dataDirectory } = options.place;
  const logFile = join(dataDirectory, 'server.log');
  let child: ChildProcess | undefined;
  let starts = 0;
  let cause: unknown;
  try {
    for (let giveUpAt = Date.now() + TIMEOUT_MS; Date.now() < giveUpAt; await delay(BETWEEN_TRIES_MS)) {
      const server = await findServer(dataDirectory);
      if (server?.alive && server.starting) {
        if (starts <= MAX_WAITED_STARTS) giveUpAt = Date.now() + TIMEOUT_MS;
      } else if (server?.alive) {
        try {
          const session = await openSession({ ...options, port: server.port });
          if (session.owned && child?.pid !== server.pid) {
            options.log.info('Took over an embedded PostgreSQL that ran without an owner.');
          }
          return { session, port: server.port };
        } catch (error) {
          cause = error;
          if ((error as { code?: string }).code === '28P01') throw wrongPassword(dataDirectory, error);
        }
      } else if (!child || hasEnded(child)) {
        if (starts > 0) await delay(BETWEEN_STARTS_MS);
        starts += 1;
        const port = await findPort(dataDirectory);
        child = await startServer({ ...options, port, logFile, stalePid: server?.pid });
      }
    }
    throw new Error(
      `The embedded PostgreSQL in ${dataDirectory} could not be started or joined. The reason is in ${logFile}. ` +
        'If none is running, delete postmaster.pid in that directory and try again; or set DATABASE_URL to a ' +
        'PostgreSQL 15 or newer.',
      { cause },
    );
  } catch (error) {
    if (child && !hasEnded(child)) await endChild(child);
    throw error;
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/** Ends the server immediately: no client could use it, and a fast shutdown may wait. */
async function endChild(child: ChildProcess): Promise<void> {
  child.ref();
  child.kill('SIGQUIT');
  await once(child, 'exit');
}

function wrongPassword(dataDirectory: string, cause: unknown): Error {
  return new Error(
    `The file postgres-password does not match the data in ${dataDirectory}. Restore the file that does, or ` +
      'delete that directory to start with no data.',
    { cause },
  );
}
