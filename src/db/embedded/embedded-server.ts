import { chmod, mkdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createAtomically } from './create-atomically.ts';
import { createDataDirectory } from './create-data-directory.ts';
import { endServer } from './end-server.ts';
import { findBinaries } from './find-binaries.ts';
import { getPassword } from './get-password.ts';
import { DATABASE, SUPERUSER } from './identity.ts';
import { resolveDataDirectory } from './resolve-data-directory.ts';
import { restartServer } from './restart-server.ts';
import { startOrJoin } from './start-or-join.ts';

/** An embedded PostgreSQL that this program owns or has joined. */
export interface EmbeddedServer {
  /** postgres://postgres:password@127.0.0.1:port/cta */
  readonly url: string;
  /** Whether `stop` ends the server. */
  readonly owned: boolean;
  readonly dataDirectory: string;
  /** Ends the server if this program owns it; otherwise only disconnects from it. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The folder of the data and the password, for example `./.data`. Created if it is missing. */
  readonly folder: string;
  readonly log: { info(message: string): void; warn(message: string): void };
  /**
   * Additional settings for the server, if this program starts it. `fsync: off` makes tests fast.
   */
  readonly settings?: Record<string, string>;
}

/**
 * Opens the PostgreSQL of a folder. The first call creates it, which takes some seconds. Later
 * calls start it, join the server that another program runs, or take over one whose owner was
 * killed. Any number of programs may call this at once. Throws an error with advice for the user if
 * PostgreSQL cannot run here.
 */
export async function openEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { log, settings = {} } = options;
  const binaries = await findBinaries();
  const folder = await makeFolder(options.folder);
  const password = await getPassword(folder);
  const place = await resolveDataDirectory({ folder, binaries, password, log });
  const { dataDirectory } = place;
  await createDataDirectory(place, { password, sync: settings.fsync !== 'off' });
  const { session, port } = await startOrJoin({ place, password, settings, log });

  const logFile = join(dataDirectory, 'server.log');
  const stopRestarting = restartServer(session, { place, port, logFile, settings, log });

  async function stop(): Promise<void> {
    stopRestarting();
    try {
      // The session stays open until then, so that no other program becomes the owner of a server
      // that is shutting down.
      if (await session.stillOwned()) await endServer(dataDirectory);
    } finally {
      await session.close();
    }
  }
  let stopped: Promise<void> | undefined;

  if (!session.owned) await session.close();
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`,
    get owned() {
      return session.owned;
    },
    dataDirectory,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/**
 * Mode 0711, whatever the umask: the user as which root runs the server can pass through the
 * folder, and nobody else can list it.
 */
async function makeFolder(folder: string): Promise<string> {
  const target = resolve(folder);
  await mkdir(dirname(target), { recursive: true });
  // Created atomically: a program that found the folder before its mode is set would look for
  // another place.
  await createAtomically({ target, marker: '.' }, async (made) => {
    await mkdir(made);
    await chmod(made, 0o711);
  });
  return await realpath(target);
}
