import { findServer } from './find-server.ts';
import { startServer } from './start-server.ts';

type StartOptions = Omit<Parameters<typeof startServer>[0], 'stalePid'>;

const CHECK_MS = 500;

/**
 * Restarts a server that was killed (for example by the system for its memory) while its owner
 * lives. Checks every `CHECK_MS` whether the owner's session is lost and no server runs. Does not
 * keep the process alive. Returns a function that stops the checks.
 */
export function restartServer(
  session: { readonly owned: boolean; readonly connected: boolean },
  options: StartOptions & { log: { warn(message: string): void } },
): () => void {
  let isChecking = false;

  async function check(): Promise<void> {
    if (isChecking || session.connected || !session.owned) return;
    isChecking = true;
    try {
      const server = await findServer(options.place.dataDirectory);
      if (server?.alive) return;
      options.log.warn('The embedded PostgreSQL exited unexpectedly. Restarting it.');
      // If another program starts a server at the same moment, PostgreSQL's lock file lets only one
      // of them continue.
      await startServer({ ...options, stalePid: server?.pid });
    } finally {
      isChecking = false;
    }
  }

  const timer = setInterval(() => {
    check().catch((error: unknown) =>
      options.log.warn(`The embedded PostgreSQL could not be restarted: ${String(error)}`),
    );
  }, CHECK_MS).unref();
  return () => clearInterval(timer);
}
