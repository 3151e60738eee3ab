import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBatchWatch } from '../batches/watch-batches.ts';
import { createApp } from '../http/app.ts';
import type { Log } from '../lib/log.ts';
import { createTokenWatch } from '../workspaces/watch-tokens.ts';
import { type Settings, SettingsError } from './config.ts';
import type { Foundation } from './open-foundation.ts';

const CLOSE_WITHIN_MS = 5000;

/** Why a port cannot be opened, in words that name the setting. */
const LISTEN_ERRORS: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (host, port) => `PORT ${port} is in use on ${host}. Set PORT to another one.`,
  EACCES: (_host, port) => `PORT ${port} may not be opened by this user. Set PORT to one from 1024.`,
  EADDRNOTAVAIL: (host) => `HOST ${host} is not an address of this machine.`,
  ENOTFOUND: (host) => `HOST ${host} is not an address, and not a name that can be found.`,
};

/** An API under way. */
export interface RunningApi {
  /** Where it can be reached, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  /**
   * Serves on for `STOP_DELAY` while it asks those who keep connections open to close them, then takes no more requests and lets
   * those under way finish: nobody who can go elsewhere is cut off.
   */
  stop(): Promise<void>;
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
}

/** Opens the port and serves both doors. */
export async function startApi(foundation: Foundation, settings: Settings, log: Log): Promise<RunningApi> {
  const { database, queue } = foundation;
  const limits = { maxSources: settings.MAX_SOURCES, maxBatchSize: settings.MAX_BATCH_SIZE };
  const app = await createApp(
    {
      orm: database.orm,
      transact: database.transact,
      queue,
      log,
      limits,
      batchWatch: createBatchWatch(database),
      tokenWatch: createTokenWatch(database),
    },
    {
      publicUrl: settings.PUBLIC_URL,
      corsOrigins: settings.CORS_ORIGINS,
      requestRate: settings.REQUEST_RATE_LIMIT,
      frameAncestors: settings.EMBED_ANCESTORS,
      trustProxy: settings.TRUST_PROXY,
    },
  );
  let isStopping = false;
  // Before anything is answered: `Connection: close` is in the head.
  app.server.prependListener('request', (_request, response) => {
    if (isStopping) response.shouldKeepAlive = false;
  });
  const { HOST: host, PORT: port } = settings;
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const { code } = error as NodeJS.ErrnoException;
    const reason = LISTEN_ERRORS[code ?? ''];
    throw reason ? new SettingsError(reason(host, port)) : error;
  }
  const bound = app.server.address() as AddressInfo;
  const isAnywhere = bound.address === '0.0.0.0' || bound.address === '::';
  const name = isAnywhere ? '127.0.0.1' : bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return {
    address: `http://${name}:${bound.port}`,
    async stop() {
      isStopping = true;
      if ((await countConnections(app.server)) > 0) await sleep(settings.STOP_DELAY);
      // Requests under way may end; one that does not (it may never have been sent whole) is cut off.
      const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN_MS);
      await app.close();
      clearTimeout(timer);
    },
  };
}
