import type { AddressInfo } from 'node:net';
import { createApp } from '../http/app.ts';
import type { Log } from '../lib/log.ts';
import { type Settings, SettingsError } from './config.ts';
import type { Foundation } from './open-foundation.ts';

/** An API under way. */
export interface RunningApi {
  /** Where it can be reached, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  /** Takes no more requests and lets those under way finish. */
  stop(): Promise<void>;
}

/** Opens the port and serves both doors. */
export async function startApi(foundation: Foundation, settings: Settings, log: Log): Promise<RunningApi> {
  const { database, queue } = foundation;
  const limits = { maxSources: settings.MAX_SOURCES, maxBatchSize: settings.MAX_BATCH_SIZE };
  const app = await createApp(
    { orm: database.orm, transact: database.transact, queue, log, limits },
    {
      publicUrl: settings.PUBLIC_URL,
      corsOrigins: settings.CORS_ORIGINS,
      trustProxy: settings.TRUST_PROXY,
    },
  );
  try {
    await app.listen({ host: settings.HOST, port: settings.PORT });
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new SettingsError(`PORT ${settings.PORT} is in use on ${settings.HOST}. Set PORT to another one.`);
  }
  const { address, family, port } = app.server.address() as AddressInfo;
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = anywhere ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return { address: `http://${host}:${port}`, stop: () => app.close() };
}
