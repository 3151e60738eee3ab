import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import pLimit from 'p-limit';

const KEEP_MS = 5000;

/**
 * Makes a lookup with getaddrinfo, for the few names that the operator has configured. Runs one at
 * a time and caches the result for 5 s. A program must make only one (see `createHostResolver`):
 * then at least one of the two libuv threads for getaddrinfo stays free for everything else,
 * however many connections pages and webhooks need.
 */
export function createSystemLookup(lookup: typeof dnsLookup = dnsLookup): LookupFunction {
  const oneAtATime = pLimit(1);
  const kept = new Map<string, { addresses: Promise<LookupAddress[]>; until: number }>();

  function find(hostname: string): Promise<LookupAddress[]> {
    const known = kept.get(hostname);
    if (known !== undefined && performance.now() < known.until) return known.addresses;
    const addresses = oneAtATime(() => ask(lookup, hostname));
    const entry = { addresses, until: Number.POSITIVE_INFINITY };
    kept.set(hostname, entry);
    const note = () => {
      entry.until = performance.now() + KEEP_MS;
    };
    addresses.then(note, note);
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

function ask(lookup: typeof dnsLookup, hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
