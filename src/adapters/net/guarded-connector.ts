import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { AppError } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import { type AddressRules, bareHost, findRefusal, isAllowed, portOf, type Target } from './address-rules.ts';
import type { HostResolver } from './host-resolver.ts';
import { openTunnel } from './open-tunnel.ts';
import { isPublicAddress } from './public-address.ts';

/** Addresses of each family that a connection may try. */
const MAX_ADDRESSES = 8;
/** Addresses that are tried through a proxy, one after the other. */
const MAX_TUNNELS = 3;

export interface GuardedConnectorOptions extends AddressRules {
  readonly timeoutMs: number;
  readonly resolver: HostResolver;
  /** An HTTP proxy for all hosts that are not exceptions. It receives only checked IP addresses. */
  readonly proxy?: URL | undefined;
}

/**
 * Opens sockets to public addresses only. The lookup of the connection itself does the check, so
 * the connection uses the address that was checked. A name that changes its addresses in between
 * (DNS rebinding) has no effect.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { proxy, resolver, timeoutMs } = options;
  // HTTP/1.1 only: it detects a body that is shorter than its Content-Length.
  const shared = { timeout: timeoutMs, allowH2: false };
  const { systemLookup } = resolver;
  const connectAnywhere = buildConnector({ ...shared, lookup: systemLookup });
  const connectPublic = buildConnector({ ...shared, lookup: guardLookup(resolver) });

  /** Opens a tunnel to the first checked address that the proxy can reach. */
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
 * Resolves the name of an address before its connection is opened, so that the lookup counts
 * towards the limit of the requester and ends with their signal. The connection then uses the
 * cached addresses.
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
  // `findRefusal` has checked IP addresses.
  if (isIP(bareHost(target)) !== 0) return [bareHost(target)];
  return (await resolvePublic(resolver, target.hostname, signal)).map(({ address }) => address);
}

async function resolvePublic(resolver: HostResolver, hostname: string, signal: AbortSignal) {
  const addresses = await resolver.resolve(hostname, { owner: CONNECTIONS, signal });
  // A single private address refuses all of them, because DNS rebinding starts with such an answer.
  if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address))) {
    throw new AppError('address_refused');
  }
  return [4, 6].flatMap((family) => addresses.filter((one) => one.family === family).slice(0, MAX_ADDRESSES));
}

/** Owner of the lookups of connections. `resolveFirst` has already made them for the requests. */
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
