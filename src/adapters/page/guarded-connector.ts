import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { AppError } from '../../lib/app-error.ts';
import { hostAndPort } from './allow-hosts.ts';
import { isPublicAddress } from './public-address.ts';

/** Asks for all addresses of a name. Node's own `dns.lookup` unless a test hands in another. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface GuardedConnectorOptions {
  readonly allowHosts: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly lookupAll?: LookupAll;
}

/**
 * Opens sockets to public addresses only. The check sits in the look-up of the connection itself, so the address
 * checked is the address connected to, and a name that changes its answer in between (DNS rebinding) gains nothing.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  // HTTP/1.1 only: there a body shorter than its Content-Length is seen as such.
  const shared = { timeout: options.timeoutMs, allowH2: false };
  const connectAnywhere = buildConnector(shared);
  const connectPublic = buildConnector({ ...shared, lookup: guardLookup(options.lookupAll ?? dnsLookup) });

  return (target, callback) => {
    if (isAllowed(target, options.allowHosts)) return connectAnywhere(target, callback);
    if (isPrivateLiteral(target.hostname)) return callback(new AppError('address_refused'), null);
    return connectPublic(target, callback);
  };
}

/** Whether an address is an IP address itself, and not a public one. Node asks no look-up for these. */
export function isPrivateLiteral(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 && !isPublicAddress(bare);
}

/** Whether a host and port (by default the protocol's) are an exception from the check. */
export function isAllowed(
  target: { readonly protocol: string; readonly hostname: string; readonly port: string },
  allowHosts: ReadonlySet<string>,
): boolean {
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  return allowHosts.has(hostAndPort(target.hostname, port));
}

function guardLookup(lookupAll: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookupAll(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const [first] = addresses;
      // One private answer among public ones is how rebinding starts, so it refuses them all.
      if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        return callback(new AppError('address_refused'), []);
      }
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
