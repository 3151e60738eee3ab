import type { BackgroundGenerator, CopyGenerator } from '../adapters/ai/ai-provider.ts';
import { createOfflineBackgroundGenerator } from '../adapters/ai/offline-background-generator.ts';
import { createOfflineCopyGenerator } from '../adapters/ai/offline-copy-generator.ts';
import { createOpenAiBackgroundGenerator } from '../adapters/ai/openai-background-generator.ts';
import { createOpenAiCopyGenerator } from '../adapters/ai/openai-copy-generator.ts';
import { createImageDecoder, type ImageDecoder } from '../adapters/images/image-decoder.ts';
import type { ImageRanker } from '../adapters/images/ranker.ts';
import { createHostResolver } from '../adapters/net/host-resolver.ts';
import { createWebhookSender, type WebhookSender } from '../adapters/webhooks/webhook-sender.ts';
import type { Log } from '../lib/log.ts';
import type { PageReader } from '../steps/process-source.ts';
import { type Settings, SettingsError } from './config.ts';
import { createPageReader } from './create-page-reader.ts';
import { createRanker } from './create-ranker.ts';
import { pickImageEnvironment } from './image-environment.ts';

/** The adapters to the outside world, as the steps see them. */
export interface Adapters {
  readonly pages: PageReader;
  readonly ranker: ImageRanker;
  readonly copyGenerator: CopyGenerator;
  readonly backgroundGenerator: BackgroundGenerator;
  readonly webhooks: WebhookSender;
  close(): Promise<void>;
}

/**
 * Creates the adapters that the settings ask for. Without a key, the offline generator replaces the
 * AI service.
 */
export async function createAdapters(settings: Settings, log: Log): Promise<Adapters> {
  const images = await openDecoder();
  const ranker = await createRanker(images, settings, log).catch((error: unknown): never => {
    images.close();
    throw error;
  });
  const resolver = createHostResolver();
  const { pages, close } = createPageReader(images, { ...settings, resolver });
  const webhooks = createWebhookSender({
    allowHosts: settings.FETCH_ALLOW_HOSTS,
    allowPorts: settings.FETCH_ALLOW_PORTS,
    proxy: settings.FETCH_PROXY,
    resolver,
  });
  const proxies = {
    http: settings.HTTP_PROXY,
    https: settings.HTTPS_PROXY,
    except: settings.NO_PROXY,
  };
  const imageKey = settings.AI_IMAGE_API_KEY ?? settings.AI_API_KEY;
  return {
    pages,
    ranker,
    copyGenerator:
      settings.AI_API_KEY === undefined
        ? createOfflineCopyGenerator()
        : createOpenAiCopyGenerator({
            baseUrl: settings.AI_BASE_URL,
            apiKey: settings.AI_API_KEY,
            model: settings.AI_TEXT_MODEL,
            proxies,
          }),
    backgroundGenerator:
      imageKey === undefined
        ? createOfflineBackgroundGenerator(images)
        : createOpenAiBackgroundGenerator(images, {
            baseUrl: settings.AI_IMAGE_BASE_URL ?? settings.AI_BASE_URL,
            apiKey: imageKey,
            model: settings.AI_IMAGE_MODEL,
            proxies,
          }),
    webhooks,
    async close() {
      await close();
      await webhooks.close();
      await ranker.close();
      images.close();
    },
  };
}

/** Throws `SettingsError` if images cannot be decoded, for example without the native libraries. */
async function openDecoder(): Promise<ImageDecoder> {
  const images = createImageDecoder({ env: pickImageEnvironment(process.env) });
  try {
    await images.check();
    return images;
  } catch (error) {
    images.close();
    throw new SettingsError(`Images cannot be decoded: ${(error as Error).message}`);
  }
}
