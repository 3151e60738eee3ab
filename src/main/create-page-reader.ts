import { collectImages } from '../adapters/images/collect-images.ts';
import { copyImages } from '../adapters/images/copy-images.ts';
import type { ImageDecoder } from '../adapters/images/image-decoder.ts';
import { createGuardedFetch, type GuardedFetchOptions } from '../adapters/net/guarded-fetch.ts';
import { createRobotsGate, type RobotsGate } from '../adapters/page/fetch/robots-gate.ts';
import { createPageParser } from '../adapters/page/page-parser.ts';
import { PRODUCT_TOKEN, USER_AGENT_PRODUCT } from '../lib/user-agent.ts';
import type { PageReader } from '../steps/process-source.ts';
import type { Settings } from './config.ts';

const USER_AGENT = `Mozilla/5.0 (compatible; ${USER_AGENT_PRODUCT}; product page reader)`;
const MAX_PAGE_BYTES = 10 * 1024 * 1024;

/** The settings for reading a page, and the replacements for the network that tests use. */
export type PageReaderOptions = Pick<Settings, 'FETCH_ALLOW_HOSTS' | 'FETCH_TIMEOUT' | 'FETCH_ROBOTS'> &
  Partial<Pick<Settings, 'FETCH_ALLOW_PORTS' | 'FETCH_PROXY'>> &
  Pick<GuardedFetchOptions, 'idleTimeoutMs' | 'lookupAll' | 'resolver'>;

/** Creates the reader of pages and their images. The caller must close the decoder. */
export function createPageReader(
  images: ImageDecoder,
  settings: PageReaderOptions,
): { pages: PageReader; close(): Promise<void> } {
  const parser = createPageParser();
  const { idleTimeoutMs, lookupAll, resolver } = settings;
  const { fetchBytes, close } = createGuardedFetch({
    allowHosts: settings.FETCH_ALLOW_HOSTS,
    timeoutMs: settings.FETCH_TIMEOUT,
    userAgent: USER_AGENT,
    proxy: settings.FETCH_PROXY,
    resolver,
    lookupAll,
    ...(settings.FETCH_ALLOW_PORTS === undefined ? {} : { allowPorts: settings.FETCH_ALLOW_PORTS }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
  });
  const mayRead: RobotsGate =
    settings.FETCH_ROBOTS === 'on'
      ? createRobotsGate({ fetchBytes, userAgent: PRODUCT_TOKEN })
      : async () => {};
  return {
    pages: {
      async readPage(url, requester) {
        parser.prepare();
        images.prepare();
        await mayRead(url, requester);
        const page = await fetchBytes(url, {
          accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.1',
          maxBytes: MAX_PAGE_BYTES,
          ...requester,
        });
        const { body: html, contentType, finalUrl } = page;
        return parser.parse({ html, contentType, url: finalUrl }, requester);
      },
      collectImages(candidates, pageUrl, requester) {
        images.prepare();
        return collectImages({ fetchBytes, images }, candidates, { ...requester, refererUrl: pageUrl });
      },
      copyImages: (ranked, options) => copyImages(images, ranked, options),
    },
    async close() {
      await close();
      parser.close();
    },
  };
}
