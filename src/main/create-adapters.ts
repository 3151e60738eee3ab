import type { BackgroundPainter, TextWriter } from '../adapters/ai/ai-provider.ts';
import { createOfflinePainter } from '../adapters/ai/offline-painter.ts';
import { createOfflineWriter } from '../adapters/ai/offline-writer.ts';
import { createOpenAiPainter } from '../adapters/ai/openai-painter.ts';
import { createOpenAiTextWriter } from '../adapters/ai/openai-writer.ts';
import { collectImages } from '../adapters/images/collect-images.ts';
import { createHeuristicRanker } from '../adapters/images/heuristic-ranker.ts';
import type { ImageRanker } from '../adapters/images/ranker.ts';
import { createGuardedFetch } from '../adapters/page/guarded-fetch.ts';
import { createPageParser } from '../adapters/page/page-parser.ts';
import { createRobotsGate, type RobotsGate } from '../adapters/page/robots-gate.ts';
import type { PageReader } from '../steps/process-source.ts';
import type { Settings } from './config.ts';

/** How robots.txt files name us. */
const PRODUCT_TOKEN = 'cta-batch';
const USER_AGENT = `Mozilla/5.0 (compatible; ${PRODUCT_TOKEN}/0.1; product page reader)`;
const MAX_PAGE_BYTES = 10 * 1024 * 1024;

/** The outside world, as the steps see it. */
export interface Adapters {
  readonly pages: PageReader;
  readonly ranker: ImageRanker;
  readonly writer: TextWriter;
  readonly painter: BackgroundPainter;
  close(): Promise<void>;
}

/** Builds the adapters that the settings ask for: without a key, the offline generator does the work of an AI. */
export function createAdapters(settings: Settings): Adapters {
  const parser = createPageParser();
  const { fetchBytes, close } = createGuardedFetch({
    allowHosts: settings.FETCH_ALLOW_HOSTS,
    timeoutMs: settings.FETCH_TIMEOUT,
    userAgent: USER_AGENT,
  });
  const mayRead: RobotsGate =
    settings.FETCH_ROBOTS === 'on'
      ? createRobotsGate({ fetchBytes, userAgent: PRODUCT_TOKEN })
      : async () => {};
  const imageKey = settings.AI_IMAGE_API_KEY ?? settings.AI_API_KEY;
  return {
    pages: {
      async readPage(url, signal) {
        await mayRead(url, signal);
        const page = await fetchBytes(url, {
          accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.1',
          maxBytes: MAX_PAGE_BYTES,
          signal,
        });
        return parser.parse({ html: page.body, contentType: page.contentType, url: page.finalUrl });
      },
      collectImages: (candidates, pageUrl, signal) =>
        collectImages(fetchBytes, candidates, { signal, refererUrl: pageUrl }),
    },
    ranker: createHeuristicRanker(),
    writer:
      settings.AI_API_KEY === undefined
        ? createOfflineWriter()
        : createOpenAiTextWriter({
            baseUrl: settings.AI_BASE_URL,
            apiKey: settings.AI_API_KEY,
            model: settings.AI_TEXT_MODEL,
          }),
    painter:
      imageKey === undefined
        ? createOfflinePainter()
        : createOpenAiPainter({
            baseUrl: settings.AI_IMAGE_BASE_URL ?? settings.AI_BASE_URL,
            apiKey: imageKey,
            model: settings.AI_IMAGE_MODEL,
          }),
    async close() {
      await close();
      await parser.close();
    },
  };
}
