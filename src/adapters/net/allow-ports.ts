import { isBlockedPort } from './blocked-ports.ts';

/**
 * Parses a list of ports, separated by commas or spaces, that may be fetched in addition to 80 and
 * 443.
 *
 * @throws TypeError for an entry that is not a port, or one that web addresses must never use.
 */
export function parseAllowPorts(list: string): ReadonlySet<number> {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
  return new Set(
    entries.map((entry) => {
      const port = /^\d{1,5}$/.test(entry) ? Number(entry) : Number.NaN;
      if (!(port >= 1 && port <= 65_535)) throw new TypeError(`"${entry}" is not a port.`);
      if (isBlockedPort(port)) throw new TypeError(`Port ${port} cannot be used for web addresses.`);
      return port;
    }),
  );
}
