import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createGuardedFetch,
  type FetchedBytes,
  type GuardedFetch,
  type GuardedFetchOptions,
} from '../../src/adapters/net/guarded-fetch.ts';

/**
 * A server on loopback whose answers the test chooses, with functions that fetch from it through
 * the guard.
 */
export interface OwnSite {
  readonly origin: string;
  /** Handles every request from now on. */
  answer: RequestListener;
  /** Creates a fetch that allows only this server by default. It is closed with the site. */
  makeFetch(options?: Partial<GuardedFetchOptions>): GuardedFetch;
  /** Fetches once, by default with a new guarded fetch. */
  get(
    url: string,
    options?: { maxBytes?: number; signal?: AbortSignal; guarded?: GuardedFetch },
  ): Promise<FetchedBytes>;
  close(): Promise<void>;
}

/** Starts a site. Requests hang until `answer` is set. */
export async function startOwnSite(): Promise<OwnSite> {
  const open: GuardedFetch[] = [];
  const server = createServer((request, response) => site.answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const site: OwnSite = {
    origin: `http://${host}`,
    answer: () => {},
    makeFetch(options = {}) {
      const guarded = createGuardedFetch({
        allowHosts: new Set([host]),
        timeoutMs: 5000,
        userAgent: 'test/1.0',
        ...options,
      });
      open.push(guarded);
      return guarded;
    },
    get(url, { maxBytes = 100_000, signal = new AbortController().signal, guarded = site.makeFetch() } = {}) {
      return guarded.fetchBytes(url, { accept: 'text/html', maxBytes, owner: 'test', signal });
    },
    async close() {
      await Promise.all(open.splice(0).map((guarded) => guarded.close()));
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return site;
}
