import type { BackgroundPainter, TextWriter } from '../adapters/ai/ai-provider.ts';
import { createOfflinePainter } from '../adapters/ai/offline-painter.ts';
import { createOfflineWriter } from '../adapters/ai/offline-writer.ts';
import { createOpenAiPainter } from '../adapters/ai/openai-painter.ts';
import { createOpenAiTextWriter } from '../adapters/ai/openai-writer.ts';
import type { ImageRanker } from '../adapters/images/ranker.ts';
import { createWebhookSender, type WebhookSender } from '../adapters/webhooks/webhook-sender.ts';
import type { Log } from '../lib/log.ts';
import type { PageReader } from '../steps/process-source.ts';
import type { Settings } from './config.ts';
import { createPageReader } from './create-page-reader.ts';
import { createRanker } from './create-ranker.ts';

/** The outside world, as the steps see it. */
export interface Adapters {
  readonly pages: PageReader;
  readonly ranker: ImageRanker;
  readonly writer: TextWriter;
  readonly painter: BackgroundPainter;
  readonly webhooks: WebhookSender;
  close(): Promise<void>;
}

/** Builds the adapters that the settings ask for: without a key, the offline generator does the work of an AI. */
export async function createAdapters(settings: Settings, log: Log): Promise<Adapters> {
  // First: it is what may fail.
  const ranker = await createRanker(settings, log);
  const { pages, close } = createPageReader(settings);
  const webhooks = createWebhookSender({ allowHosts: settings.FETCH_ALLOW_HOSTS });
  const imageKey = settings.AI_IMAGE_API_KEY ?? settings.AI_API_KEY;
  return {
    pages,
    ranker,
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
    webhooks,
    async close() {
      await close();
      await webhooks.close();
      await ranker.close();
    },
  };
}
