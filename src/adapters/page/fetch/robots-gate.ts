import { LRUCache } from 'lru-cache';
import { AppError, type ErrorCode } from '../../../lib/app-error.ts';
import type { Requester } from '../../../lib/fair-limit.ts';
import type { FetchBytes } from '../../net/guarded-fetch.ts';
import { matchRobotsPath } from './match-robots-path.ts';
import { type RobotsRule, readRobotsRules, upperCaseEscapes } from './read-robots-rules.ts';

/** RFC 9309, section 2.5: at least 500 kibibytes must be read. */
const MAX_ROBOTS_BYTES = 500 * 1024;
/** RFC 9309, section 2.4: a copy should not be used for longer than a day. */
const KEEP_MS = 60 * 60_000;
/** Of the patterns that are kept. Some thousand shops of the usual size. */
const KEEP_CHARACTERS = 4 * 1024 * 1024;
/** What a rule takes beside its pattern, in characters. */
const RULE_SIZE = 50;

/** A file that is not there, or not for us. A shop that asks us to slow down (429) is asked again later. */
const ALLOWS_ALL: ReadonlySet<ErrorCode> = new Set(['page_gone', 'page_blocked', 'page_login']);

/** The file of a shop is fetched once for all workspaces. */
const ROBOTS_OWNER = 'robots.txt';

interface RobotsFile {
  readonly rules: readonly RobotsRule[];
  /** In characters, never 0. */
  readonly size: number;
}

/** Throws `page_disallowed` for a page that its shop's robots.txt asks us not to read. */
export type RobotsGate = (url: string, requester: Requester) => Promise<void>;

/**
 * Obeys robots.txt (RFC 9309) for the product token `userAgent`. Fetched through the same guard as pages, once an hour
 * for each shop. A shop without one (4xx) allows all; one that cannot give it now (5xx, 429, no
 * answer) allows nothing.
 */
export function createRobotsGate(options: { fetchBytes: FetchBytes; userAgent: string }): RobotsGate {
  const { fetchBytes, userAgent } = options;
  // A failure is not kept: the next page asks again.
  const files = new LRUCache<string, RobotsFile>({
    maxSize: KEEP_CHARACTERS,
    sizeCalculation: ({ size }) => size,
    ttl: KEEP_MS,
    fetchMethod: read,
    // Pages wait for a file even when there is no more room to keep it.
    ignoreFetchAbort: true,
  });

  async function read(address: string): Promise<RobotsFile> {
    const rules = readRobotsRules(await fetchText(address), userAgent);
    const size = rules.reduce((sum, { pattern }) => sum + pattern.length + RULE_SIZE, address.length);
    return { rules, size };
  }

  async function fetchText(address: string): Promise<string> {
    try {
      const { body } = await fetchBytes(address, {
        accept: 'text/plain,*/*;q=0.1',
        maxBytes: MAX_ROBOTS_BYTES,
        // Not the requester of the page that asks first: others wait for the same file.
        owner: ROBOTS_OWNER,
        signal: new AbortController().signal,
      });
      return body.toString('utf8');
    } catch (error) {
      if (error instanceof AppError && ALLOWS_ALL.has(error.code)) return '';
      throw error;
    }
  }

  return async (url, { signal }) => {
    const { rules } = await files.forceFetch(new URL('/robots.txt', url).href);
    signal.throwIfAborted();
    const { pathname, search } = new URL(url);
    const path = upperCaseEscapes(pathname + search);
    const rule = rules.find(({ pattern }) => matchRobotsPath(pattern, path));
    if (rule?.allow === false) throw new AppError('page_disallowed');
  };
}
