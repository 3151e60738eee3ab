import { LRUCache } from 'lru-cache';
import robots from 'robots-parser';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import type { FetchBytes } from './guarded-fetch.ts';

/** RFC 9309, section 2.5: at least 500 kibibytes must be read. */
const MAX_ROBOTS_BYTES = 500 * 1024;
/** RFC 9309, section 2.4: a copy should not be used for longer than a day. */
const KEEP_MS = 60 * 60_000;
/** The files of so many shops are kept. */
const KEEP_SHOPS = 1000;

/** A file that is not there, or not for us. A shop that asks us to slow down (429) is asked again later. */
const ALLOWS_ALL: ReadonlySet<ErrorCode> = new Set(['page_gone', 'page_blocked', 'page_login']);

/** Its types speak of a default export; CommonJS gives the function itself. */
const robotsParser = robots as unknown as typeof robots.default;
type Rules = ReturnType<typeof robotsParser>;

/** Throws `page_disallowed` for a page that its shop's robots.txt asks us not to read. */
export type RobotsGate = (url: string, signal: AbortSignal) => Promise<void>;

/**
 * Obeys robots.txt (RFC 9309) for the product token `userAgent`. Fetched through the same guard as pages, once an hour
 * for each shop. A shop without one (4xx) allows all; one that cannot give it now (5xx, 429, no
 * answer) allows nothing.
 */
export function createRobotsGate(options: { fetchBytes: FetchBytes; userAgent: string }): RobotsGate {
  const { fetchBytes, userAgent } = options;
  const files = new LRUCache<string, Promise<Rules>>({ max: KEEP_SHOPS, ttl: KEEP_MS });

  async function read(address: string): Promise<Rules> {
    try {
      const { body } = await fetchBytes(address, {
        accept: 'text/plain,*/*;q=0.1',
        maxBytes: MAX_ROBOTS_BYTES,
        // Not that of the page which asks first: when it is cancelled, others wait for the same file.
        signal: new AbortController().signal,
      });
      return robotsParser(address, body.toString('utf8'));
    } catch (error) {
      if (error instanceof AppError && ALLOWS_ALL.has(error.code)) return robotsParser(address, '');
      throw error;
    }
  }

  return async (url, signal) => {
    const address = new URL('/robots.txt', url).href;
    let file = files.get(address);
    if (!file) {
      file = read(address);
      files.set(address, file);
      // A failure is not kept: the next page asks again.
      file.catch(() => files.delete(address));
    }
    const rules = await file;
    signal.throwIfAborted();
    if (rules.isDisallowed(url, userAgent)) throw new AppError('page_disallowed');
  };
}
