import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { AppError } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { HostResolver } from '../net/host-resolver.ts';
import { openTunnel } from '../net/open-tunnel.ts';
import { createSystemLookup } from '../net/system-lookup.ts';
import { type AddressRules, bareHost, findRefusal, isAllowed, portOf, type Target } from './address-rules.ts';
import { isPublicAddress } from './public-address.ts';

/** Addresses of each family that a connection may try. */
const MAX_ADDRESSES = 8;
/** Addresses that a proxy is asked for, one after the other. */
const MAX_TUNNELS = 3;

export interface GuardedConnectorOptions extends AddressRules {
  readonly timeoutMs: number;
  readonly resolver: HostResolver;
  /** An HTTP proxy for all hosts but those that are exceptions. It is asked for checked IP addresses only. */
  readonly proxy?: URL | undefined;
}

/**
 * Opens sockets to public addresses only. The check sits in the lookup of the connection itself, so the address
 * checked is the address connected to, and a name that changes its answer in between (DNS rebinding) gains nothing.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { proxy, resolver, timeoutMs } = options;
  // HTTP/1.1 only: there a body shorter than its Content-Length is seen as such.
  const shared = { timeout: timeoutMs, allowH2: false };
  const systemLookup = createSystemLookup();
  const connectAnywhere = buildConnector({ ...shared, lookup: systemLookup });
  const connectPublic = buildConnector({ ...shared, lookup: guardLookup(resolver) });

  /** A connection of the proxy to the first checked address that it reaches. */
  async function tunnel(through: URL, target: Target): Promise<Socket> {
    const signal = AbortSignal.timeout(timeoutMs);
    let failure: unknown;
    for (const hostname of (await findAddresses(resolver, target, signal)).slice(0, MAX_TUNNELS)) {
      signal.throwIfAborted();
      try {
        return await openTunnel(
          through,
          { hostname, port: portOf(target) },
          { signal, lookup: systemLookup },
        );
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  return (target, callback) => {
    const refusal = findRefusal(target, options);
    if (refusal !== undefined) return callback(refusal, null);
    if (isAllowed(target, options)) return connectAnywhere(target, callback);
    if (proxy === undefined) return connectPublic(target, callback);
    tunnel(proxy, target).then(
      (socket) => {
        if (target.protocol === 'https:') connectPublic({ ...target, httpSocket: socket }, callback);
        else callback(null, socket);
      },
      (error: Error) => callback(error, null),
    );
  };
}

/**
 * Resolves the name of an address before its connection is opened, so that the lookup is the requester's own:
 * it takes their share, and ends with their signal. The connection then finds the addresses in the resolver.
 *
 * @throws AppError `dns_failed`; `signal.reason` when the signal aborts.
 */
export async function resolveFirst(
  url: URL,
  requester: Requester,
  options: AddressRules & { readonly resolver: HostResolver },
): Promise<void> {
  if (isIP(bareHost(url)) !== 0 || isAllowed(url, options)) return;
  await options.resolver.resolve(url.hostname, requester);
}

async function findAddresses(
  resolver: HostResolver,
  target: Target,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // findRefusal has checked it.
  if (isIP(bareHost(target)) !== 0) return [bareHost(target)];
  return (await resolvePublic(resolver, target.hostname, signal)).map(({ address }) => address);
}

async function resolvePublic(resolver: HostResolver, hostname: string, signal: AbortSignal) {
  const addresses = await resolver.resolve(hostname, { owner: CONNECTIONS, signal });
  // One private answer among public ones is how rebinding starts, so it refuses them all.
  if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address))) {
    throw new AppError('address_refused');
  }
  return [4, 6].flatMap((family) => addresses.filter((one) => one.family === family).slice(0, MAX_ADDRESSES));
}

/** For lookups of connections: their requests have made them already, see `resolveFirst`. */
const CONNECTIONS = 'connections';
const never = new AbortController().signal;

function guardLookup(resolver: HostResolver): LookupFunction {
  return (hostname, options, callback) => {
    resolvePublic(resolver, hostname, never).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
