import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import pLimit from 'p-limit';

const CACHE_MS = 5000;

/**
 * Makes a lookup with getaddrinfo, for the few names that the operator has configured. Runs one at
 * a time and caches the result for 5 s. A program must make only one (see `createHostResolver`):
 * then at least one of the two libuv threads for getaddrinfo stays free for everything else,
 * however many connections pages and webhooks need.
 */
export function createSystemLookup(lookup: typeof dnsLookup = dnsLookup): LookupFunction {
  const oneAtATime = pLimit(1);
  const cache = new Map<string, { addresses: Promise<LookupAddress[]>; until: number }>();

  function find(hostname: string): Promise<LookupAddress[]> {
    const known = cache.get(hostname);
    if (known !== undefined && performance.now() < known.until) return known.addresses;
    const addresses = oneAtATime(() => query(lookup, hostname));
    const entry = { addresses, until: Number.POSITIVE_INFINITY };
    cache.set(hostname, entry);
    const store = () => {
      entry.until = performance.now() + CACHE_MS;
    };
    addresses.then(store, store);
    return addresses;
  }

  return (hostname, options, callback) => {
    find(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

function query(lookup: typeof dnsLookup, hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
