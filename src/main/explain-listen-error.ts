import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SettingsError } from './config.ts';

/** What was to be opened, and the setting that says so. */
interface WantedPort {
  readonly setting: 'PORT' | 'HEALTH_PORT' | 'METRICS_PORT';
  readonly host: string;
  readonly port: number;
}

/** Why a port cannot be opened, in words that name the setting. */
const REASONS: Record<string, (wanted: WantedPort) => string> = {
  EADDRINUSE: ({ setting, host, port }) =>
    `${setting} ${port} is in use on ${host}. Set ${setting} to another one.`,
  EACCES: ({ setting, port }) =>
    `${setting} ${port} may not be opened by this user. Set ${setting} to one from 1024.`,
  EADDRNOTAVAIL: ({ host }) => `HOST ${host} is not an address of this machine.`,
  ENOTFOUND: ({ host }) => `HOST ${host} is not an address, and not a name that can be found.`,
};

/** A `SettingsError` that names what is wrong; an error that has another reason as it is. */
export function explainListenError(error: unknown, wanted: WantedPort): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ''];
  return reason ? new SettingsError(reason(wanted)) : error;
}

/** Where a server that listens can be reached from here, such as `http://127.0.0.1:3000`. */
export function addressOf(server: Server): string {
  const bound = server.address() as AddressInfo;
  const isAnywhere = bound.address === '0.0.0.0' || bound.address === '::';
  const name = isAnywhere ? '127.0.0.1' : bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `http://${name}:${bound.port}`;
}
