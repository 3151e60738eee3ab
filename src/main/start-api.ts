import { setTimeout as sleep } from 'node:timers/promises';
import { createBatchWatch } from '../batches/watch-batches.ts';
import { createApp } from '../http/app.ts';
import type { ApiDeps } from '../http/context.ts';
import { createTokenWatch } from '../workspaces/watch-tokens.ts';
import type { Settings } from './config.ts';
import { addressOf, explainListenError } from './explain-listen-error.ts';
import type { Runtime } from './open-runtime.ts';

/** For requests under way when the port closes. */
export const CLOSE_WITHIN_MS = 5000;

/** An API under way. */
export interface RunningApi {
  /** Where it can be reached, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  /** Open streams of events. */
  countWatchers(): number;
  /**
   * Serves on for `STOP_DELAY` while it asks those who keep connections open to close them, then takes no more requests and lets
   * those under way finish: nobody who can go elsewhere is cut off.
   */
  stop(): Promise<void>;
}

/** Opens the port and serves both doors. */
export async function startApi(
  foundation: Runtime,
  settings: Settings,
  { log, health, meter, tracing }: Pick<ApiDeps, 'log' | 'health' | 'meter' | 'tracing'>,
): Promise<RunningApi> {
  const { database, queue } = foundation;
  const limits = { maxSources: settings.MAX_SOURCES, maxBatchSize: settings.MAX_BATCH_SIZE };
  const batchWatch = createBatchWatch(database);
  const app = await createApp(
    {
      orm: database.orm,
      transact: database.transact,
      queue,
      log,
      limits,
      batchWatch,
      tokenWatch: createTokenWatch(database),
      health,
      meter,
      tracing,
    },
    {
      publicUrl: settings.PUBLIC_URL,
      corsOrigins: settings.CORS_ORIGINS,
      requestRate: settings.REQUEST_RATE_LIMIT,
      streamLimits: { perWorkspace: settings.STREAMS_PER_WORKSPACE, inAll: settings.MAX_STREAMS },
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
    throw explainListenError(error, { setting: 'PORT', host, port });
  }
  return {
    address: addressOf(app.server),
    countWatchers: batchWatch.countWatchers,
    async stop() {
      isStopping = true;
      await sleep(settings.STOP_DELAY);
      // Requests under way may end; one that does not (it may never have been sent whole) is cut off.
      const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN_MS);
      await app.close();
      clearTimeout(timer);
    },
  };
}
