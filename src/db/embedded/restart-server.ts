import { findServer } from './find-server.ts';
import { startServer } from './start-server.ts';

type StartOptions = Omit<Parameters<typeof startServer>[0], 'stalePid'>;

const LOOK_MS = 500;

/**
 * Starts a server again that was killed (by the system for its memory, say) while its owner lives. Looks now and then
 * whether the owner's session is lost and no server is there. Does not keep the program alive. Answers how to stop it.
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
      // One that another program starts at this moment wins by its lock file; ours ends.
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
