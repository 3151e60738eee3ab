import type { LookupAddress } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

const CACHE_MS = 5000;

/** Returns the addresses that the hosts file has for a name; none if it does not list the name. */
export type FindInHostsFile = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Reads the hosts file of the system, which DNS queries ignore, at most every 5 s. */
export function createHostsFile(path = '/etc/hosts'): FindInHostsFile {
  let readAt = Number.NEGATIVE_INFINITY;
  let names: Promise<ReadonlyMap<string, readonly LookupAddress[]>>;
  return async (hostname) => {
    if (performance.now() - readAt > CACHE_MS) {
      readAt = performance.now();
      names = readFile(path, 'utf8').then(parseHosts, () => new Map());
    }
    return (await names).get(hostname.replace(/\.$/, '').toLowerCase()) ?? [];
  };
}

function parseHosts(text: string): Map<string, LookupAddress[]> {
  const names = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases.map((name) => name.toLowerCase())) {
      names.set(alias, [...(names.get(alias) ?? []), { address, family }]);
    }
  }
  return names;
}
