import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { AppError } from '../../lib/app-error.ts';
import { createFairLimit, type Requester } from '../../lib/fair-limit.ts';
import { unlessAborted } from '../../lib/unless-aborted.ts';
import { createHostSlots } from './host-slots.ts';
import { queryDns } from './query-dns.ts';
import { createHostsFile, type FindInHostsFile } from './read-hosts-file.ts';
import { createSystemLookup } from './system-lookup.ts';

/** For one name, including both address families and all retries. */
const TIMEOUT_MS = 3000;
const LOOKUPS_AT_ONCE = 16;
const LOOKUPS_OF_OWNER = 4;
const MAX_CACHED = 1000;
/** Long enough for a connection to use the addresses that its request has just looked up. */
const MIN_TTL_MS = 5000;
const MAX_TTL_MS = 30_000;
const FAILURE_TTL_MS = 5000;

/** Looks up all addresses of a name, as `dns.lookup` does. Replaces DNS in tests. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Resolves untrusted names: those of shops, images and webhooks. A program must have only one, so
 * that its limits hold for all connections together.
 */
export interface HostResolver {
  /**
   * Returns all addresses of a name. The caller must check whether it may connect to them.
   * Addresses are cached for 5 to 30 s, and failures for 5 s. Concurrent lookups of a name share
   * one query.
   *
   * @throws AppError `dns_failed`, at most 3 s after the lookup starts (it may wait for lookups of
   *   other owners before); `signal.reason` as soon as the signal aborts.
   */
  resolve(hostname: string, requester: Requester): Promise<readonly LookupAddress[]>;
  /** Resolves names that the operator has configured, with getaddrinfo. */
  readonly systemLookup: LookupFunction;
}

export interface HostResolverOptions {
  /** Replaces the servers in /etc/resolv.conf, for tests. */
  readonly servers?: readonly string[] | undefined;
  readonly hostsFile?: FindInHostsFile;
  /** Replaces DNS and the hosts file, for tests. */
  readonly lookupAll?: LookupAll | undefined;
  /** Replaces the lookup with getaddrinfo, for tests. */
  readonly systemLookup?: LookupFunction;
  readonly timeoutMs?: number;
}

/** The result of a lookup. */
type Entry =
  | { readonly addresses: readonly LookupAddress[]; readonly ttlMs: number }
  | { readonly error: AppError; readonly ttlMs: number };

interface Lookup {
  readonly entry: Promise<Entry>;
  readonly abort: AbortController;
  waiters: number;
}

/**
 * Makes a resolver. At most 16 lookups run at once, and at most 4 of one owner; owners take turns.
 * `resolve` does not use getaddrinfo: libuv runs only two at a time for the whole program, and one
 * whose server does not respond cannot be canceled.
 */
export function createHostResolver(options: HostResolverOptions = {}): HostResolver {
  const { servers, lookupAll, timeoutMs = TIMEOUT_MS, hostsFile = createHostsFile() } = options;
  const { systemLookup = createSystemLookup() } = options;
  const cache = new LRUCache<string, Entry>({ max: MAX_CACHED });
  const lookups = new Map<string, Lookup>();
  const ofOwner = createHostSlots(LOOKUPS_OF_OWNER);
  const ofProcess = createFairLimit(LOOKUPS_AT_ONCE);

  async function find(hostname: string, signal: AbortSignal): Promise<Entry> {
    if (lookupAll !== undefined) return toEntry(await callLookup(lookupAll, hostname), 0);
    // RFC 6761, section 6.3: do not send queries for localhost over the network.
    if (/(?:^|\.)localhost\.?$/.test(hostname)) return toEntry([{ address: '127.0.0.1', family: 4 }], 0);
    const listed = await hostsFile(hostname);
    if (listed.length > 0) return toEntry(listed, 0);
    const { addresses, ttlSeconds } = await queryDns(hostname, { signal, servers, timeoutMs });
    return toEntry(addresses, ttlSeconds);
  }

  function start(hostname: string): Lookup {
    const abort = new AbortController();
    const entry = unlessAborted(find(hostname, abort.signal), abort.signal)
      .catch((cause: unknown): Entry => {
        return { error: new AppError('dns_failed', { cause }), ttlMs: FAILURE_TTL_MS };
      })
      .then((found) => {
        // Do not cache a lookup that was canceled because nobody waited for it any more.
        if (lookups.get(hostname) !== lookup) return found;
        lookups.delete(hostname);
        cache.set(hostname, found, { ttl: found.ttlMs });
        return found;
      });
    const lookup: Lookup = { entry, abort, waiters: 0 };
    lookups.set(hostname, lookup);
    return lookup;
  }

  async function join(hostname: string, lookup: Lookup, signal: AbortSignal) {
    lookup.waiters += 1;
    try {
      return take(await unlessAborted(lookup.entry, signal));
    } finally {
      lookup.waiters -= 1;
      if (lookup.waiters === 0 && lookups.get(hostname) === lookup) {
        lookups.delete(hostname);
        lookup.abort.abort();
      }
    }
  }

  return {
    systemLookup,
    async resolve(hostname, requester) {
      const { signal } = requester;
      signal.throwIfAborted();
      const known = cache.get(hostname);
      if (known !== undefined) return take(known);
      const shared = lookups.get(hostname);
      if (shared !== undefined) return join(hostname, shared, signal);
      // All DNS servers count as one host.
      return ofOwner.run('dns', requester, () =>
        ofProcess.run(requester, async () => {
          const meanwhile = cache.get(hostname);
          if (meanwhile !== undefined) return take(meanwhile);
          return join(hostname, lookups.get(hostname) ?? start(hostname), signal);
        }),
      );
    },
  };
}

function toEntry(addresses: readonly LookupAddress[], ttlSeconds: number): Entry {
  const ttlMs = Math.min(Math.max(ttlSeconds * 1000, MIN_TTL_MS), MAX_TTL_MS);
  return { addresses, ttlMs };
}

function take(entry: Entry): readonly LookupAddress[] {
  if ('error' in entry) throw entry.error;
  return entry.addresses;
}

function callLookup(lookupAll: LookupAll, hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookupAll(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
