import { setTimeout as sleep } from 'node:timers/promises';
import { createBatchWatch } from '../batches/watch-batches.ts';
import { createApp } from '../http/app.ts';
import type { ApiDeps } from '../http/context.ts';
import { createTokenWatch } from '../workspaces/watch-tokens.ts';
import type { Settings } from './config.ts';
import { addressOf, explainListenError } from './explain-listen-error.ts';
import type { Runtime } from './open-runtime.ts';

/** Time for current requests when the port closes. */
export const CLOSE_WITHIN_MS = 5000;

/** A running API. */
export interface RunningApi {
  /** The URL where it can be reached, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  /** Returns the number of open event streams. */
  countWatchers(): number;
  /**
   * Shuts down without cutting off clients that can go elsewhere: serves for another `STOP_DELAY`
   * and tells clients to close their connections, then accepts no more requests and lets current
   * ones finish.
   */
  stop(): Promise<void>;
}

/**
 * Opens the port and serves the REST and tRPC APIs.
 *
 * @throws SettingsError if the port cannot be opened.
 */
export async function startApi(
  runtime: Runtime,
  settings: Settings,
  { log, health, meter, tracing }: Pick<ApiDeps, 'log' | 'health' | 'meter' | 'tracing'>,
): Promise<RunningApi> {
  const { database, queue } = runtime;
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
  // Must run before any response is written, because `Connection: close` is a header.
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
      // Current requests may finish. One that does not (a client may never send all of it) is cut
      // off.
      const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN_MS);
      await app.close();
      clearTimeout(timer);
    },
  };
}
