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

/** A PostgreSQL that this program owns or has joined. */
export interface EmbeddedServer {
  /** postgres://user:password@127.0.0.1:port/cta */
  readonly url: string;
  /** Whether `stop` ends the server. */
  readonly owned: boolean;
  readonly dataDirectory: string;
  /** Ends the server if it is owned, else only lets go of it. Safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Where the data and the password are kept, `./.data` say. Made if it is missing. */
  readonly folder: string;
  readonly log: { info(message: string): void; warn(message: string): void };
  /** More settings for the server, if this program starts it. `fsync: off` makes tests fast. */
  readonly settings?: Record<string, string>;
}

/**
 * Opens the real PostgreSQL of a folder: makes it at the first call (some seconds), starts it, joins the one that
 * another program runs, or takes over one whose owner was killed. Any number of programs may call this at once.
 * Throws a sentence for the person at the keyboard if that cannot be done here.
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
  const letDie = restartServer(session, { place, port, logFile, settings, log });

  async function stop(): Promise<void> {
    letDie();
    try {
      // The session stays open meanwhile, so that nobody becomes the owner of a server that is ending.
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

/** Whatever the umask, the user whom root lends the server to can pass through, and nobody else can look inside. */
async function makeFolder(folder: string): Promise<string> {
  const target = resolve(folder);
  await mkdir(dirname(target), { recursive: true });
  // Whole at once: a program that found it without its mode would look for another place.
  await createAtomically({ target, marker: '.' }, async (made) => {
    await mkdir(made);
    await chmod(made, 0o711);
  });
  return await realpath(target);
}
