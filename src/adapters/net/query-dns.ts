import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';

/** c-ares repeats a query after this time; if there are two servers, it asks the other one. */
const TRY_MS = 1000;
const TRIES = 3;
/** How long to wait for one address family after the other one has returned addresses. */
const SECOND_FAMILY_MS = 500;

/**
 * Maximum number of addresses of each family. A longer answer is refused: a connection needs only a
 * few.
 */
const MAX_ADDRESSES = 32;

/** The addresses of a name, IPv4 first, and the shortest time to live among them. */
export interface DnsAnswer {
  readonly addresses: readonly LookupAddress[];
  readonly ttlSeconds: number;
}

/**
 * Queries the DNS servers in /etc/resolv.conf for the A and AAAA records of a name. Uses c-ares
 * instead of getaddrinfo, because it can be canceled and uses no thread of the libuv pool. Search
 * domains do not apply.
 *
 * @throws the DNS error when no address has arrived within `timeoutMs`; `signal.reason` as soon as
 *   the signal aborts.
 */
export async function queryDns(
  hostname: string,
  options: { signal: AbortSignal; timeoutMs: number; servers?: readonly string[] | undefined },
): Promise<DnsAnswer> {
  const { signal, timeoutMs, servers } = options;
  signal.throwIfAborted();
  // A new resolver for each name, because `cancel` ends all queries of a resolver. A new resolver
  // also reads resolv.conf again.
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers([...servers]);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const timers = [setTimeout(cancel, timeoutMs)];
  const startSecondFamily = <T extends readonly unknown[]>(records: T): T => {
    if (records.length > 0) timers.push(setTimeout(cancel, SECOND_FAMILY_MS));
    return records;
  };
  try {
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(hostname, { ttl: true }).then(startSecondFamily),
      resolver.resolve6(hostname, { ttl: true }).then(startSecondFamily),
    ]);
    signal.throwIfAborted();
    const records4 = v4.status === 'fulfilled' ? v4.value : [];
    const records6 = v6.status === 'fulfilled' ? v6.value : [];
    // All addresses are checked and cached, so thousands of them cost memory. No real shop has so
    // many.
    if (Math.max(records4.length, records6.length) > MAX_ADDRESSES) throw new Error('too many addresses');
    const records = [...records4, ...records6];
    if (records.length === 0) throw chooseReason(v4, v6);
    return {
      addresses: [
        ...records4.map(({ address }) => ({ address, family: 4 })),
        ...records6.map(({ address }) => ({ address, family: 6 })),
      ],
      ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)),
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

/** Prefers any other error to ENODATA (no record of this type), which explains the least. */
function chooseReason(...results: readonly PromiseSettledResult<unknown>[]): Error {
  const reasons = results
    .filter((result) => result.status === 'rejected')
    .map((result): NodeJS.ErrnoException => result.reason);
  return reasons.find(({ code }) => code !== 'ENODATA') ?? reasons[0] ?? new Error('no addresses');
}
