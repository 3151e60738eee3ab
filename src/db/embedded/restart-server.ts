import { findServer } from './find-server.ts';
import { startServer } from './start-server.ts';

type StartOptions = Omit<Parameters<typeof startServer>[0], 'stalePid'>;

const LOOK_MS = 500;

/**
 * Restarts a server that was killed (for example by the system for its memory) while its owner
 * lives. Checks every `LOOK_MS` whether the owner's session is lost and no server runs. Does not
 * keep the process alive. Returns a function that stops the checks.
 */
export function restartServer(
  session: { readonly owned: boolean; readonly connected: boolean },
  options: StartOptions & { log: { warn(message: string): void } },
): () => void {
  let isLooking = false;

  async function look(): Promise<void> {
    if (isLooking || session.connected || !session.owned) return;
    isLooking = true;
    try {
      const server = await findServer(options.place.dataDirectory);
      if (server?.alive) return;
      options.log.warn('The embedded PostgreSQL has ended by itself. Starting it again.');
      // If another program starts a server at the same moment, PostgreSQL's lock file lets only one
      // of them continue.
      await startServer({ ...options, stalePid: server?.pid });
    } finally {
      isLooking = false;
    }
  }

  const timer = setInterval(() => {
    look().catch((error: unknown) => options.log.warn(`It could not be started again: ${String(error)}`));
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
