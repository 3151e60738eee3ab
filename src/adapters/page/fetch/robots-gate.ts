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
/**
 * Limits the total size of the cached patterns. Enough for some thousand shops of the usual size.
 */
const KEEP_CHARACTERS = 4 * 1024 * 1024;
/** The memory of a rule without its pattern, in characters. */
const RULE_SIZE = 50;

/**
 * The shop has no robots.txt, or we may not read it. A 429 is not among them: the shop asks us to
 * slow down, so the file is requested again later.
 */
const ALLOWS_ALL: ReadonlySet<ErrorCode> = new Set(['page_gone', 'page_blocked', 'page_login']);

/** The file of a shop is fetched once for all workspaces. */
const ROBOTS_OWNER = 'robots.txt';

interface RobotsFile {
  readonly rules: readonly RobotsRule[];
  /** In characters. Never 0. */
  readonly size: number;
}

/** Throws `page_disallowed` if the shop's robots.txt does not allow us to read the page. */
export type RobotsGate = (url: string, requester: Requester) => Promise<void>;

/**
 * Obeys robots.txt (RFC 9309) for the product token `userAgent`. Uses the same guarded fetch as
 * pages, and reads the file of each shop at most once an hour. A shop without the file (4xx) allows
 * everything. A shop that cannot provide it now (5xx, 429, no answer) allows nothing.
 */
export function createRobotsGate(options: { fetchBytes: FetchBytes; userAgent: string }): RobotsGate {
  const { fetchBytes, userAgent } = options;
  // Failures are not cached, so the next page requests the file again.
  const files = new LRUCache<string, RobotsFile>({
    maxSize: KEEP_CHARACTERS,
    sizeCalculation: ({ size }) => size,
    ttl: KEEP_MS,
    fetchMethod: read,
    // Pages must get their file even if the cache has no room for it.
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
        // Not the requester of the first page, because other pages wait for the same file.
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
