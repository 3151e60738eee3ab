import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SettingsError } from './config.ts';

/** The address to listen on, and the setting that it comes from. */
interface WantedPort {
  readonly setting: 'PORT' | 'HEALTH_PORT' | 'METRICS_PORT';
  readonly host: string;
  readonly port: number;
}

/** Why a port cannot be opened, in a sentence that names the setting. */
const REASONS: Record<string, (wanted: WantedPort) => string> = {
  EADDRINUSE: ({ setting, host, port }) =>
    `${setting} ${port} is in use on ${host}. Set ${setting} to another port.`,
  EACCES: ({ setting, port }) =>
    `${setting} ${port} cannot be opened by this user. Set ${setting} to a port from 1024.`,
  EADDRNOTAVAIL: ({ host }) => `HOST ${host} is not an address of this machine.`,
  ENOTFOUND: ({ host }) => `HOST ${host} is neither an address nor a host name that can be resolved.`,
};

/**
 * Returns a `SettingsError` that explains the problem, or the error itself if a setting is not the
 * cause.
 */
export function explainListenError(error: unknown, wanted: WantedPort): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ''];
  return reason ? new SettingsError(reason(wanted)) : error;
}

/**
 * Returns the URL of a listening server for clients on this machine, such as
 * `http://127.0.0.1:3000`.
 */
export function addressOf(server: Server): string {
  const bound = server.address() as AddressInfo;
  const isAnywhere = bound.address === '0.0.0.0' || bound.address === '::';
  const name = isAnywhere ? '127.0.0.1' : bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `http://${name}:${bound.port}`;
}
