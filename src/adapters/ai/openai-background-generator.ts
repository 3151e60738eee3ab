import { toFile } from 'openai';
import { AppError } from '../../lib/app-error.ts';
import type { ImageDecoder } from '../images/image-decoder.ts';
import type { BackgroundGenerator, CallContext, SourceImage } from './ai-provider.ts';
import { buildImagePrompt } from './build-image-prompt.ts';
import { createCallOpenAi } from './call-openai.ts';
import { OPENAI_BASE_URL, type OpenAiSettings } from './create-client.ts';
import { readImageAnswer } from './read-image-answer.ts';
import { createSendOnce } from './send-once.ts';
import { withUsage } from './with-usage.ts';

const EXTENSIONS: Record<string, string> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp' };

/**
 * Creates a generator of backgrounds that uses the image edits API of OpenAI or of a compatible
 * service. Each call makes one paid request and never repeats it. If the answer contains an address
 * of the service instead of bytes, downloads the image from there.
 */
export function createOpenAiBackgroundGenerator(
  images: Pick<ImageDecoder, 'makeBackground'>,
  settings: OpenAiSettings,
): BackgroundGenerator {
  const callOpenAi = createCallOpenAi(settings);
  const { model, baseUrl = OPENAI_BASE_URL } = settings;
  return {
    provider: 'openai',
    model,
    async generateBackground(brief, source, call) {
      const deadline = performance.now() + call.timeoutMs;
      const image = await toUpload(source);
      const answer = await callOpenAi(call, (client, options) =>
        // Do not send `size` or `response_format`: services support different values, and a wrong
        // one causes a 400.
        client.images.edit({ model, image, prompt: buildImagePrompt(brief) }, options),
      );
      return withUsage(answer, async () => {
        const reply = readImageAnswer(answer, baseUrl);
        const bytes =
          'bytes' in reply.image
            ? reply.image.bytes
            : await fetchImage(settings, reply.image.url, call.signal, deadline - performance.now());
        const background = await images.makeBackground(bytes, call);
        return { ...background, model: reply.model ?? model, usage: reply.usage };
      });
    },
  };
}

function toUpload(image: SourceImage): Promise<File> {
  const extension = EXTENSIONS[image.contentType] ?? 'png';
  return toFile(image.bytes, `product.${extension}`, { type: image.contentType });
}

/** The answer is already paid for, so any failure except an abort is `ai_bad_answer`. */
async function fetchImage(
  { apiKey, proxies }: OpenAiSettings,
  url: URL,
  signal: CallContext['signal'],
  timeoutMs: number,
): Promise<Buffer> {
  const terms = {
    signal,
    timeoutMs,
    sendBefore: Number.POSITIVE_INFINITY,
    // The paid request has already used the slot.
    onLeft: () => undefined,
  };
  const get = createSendOnce(terms, { proxies });
  try {
    // Only the service itself may receive the key: `readImageAnswer` has checked the origin.
    const response = await get(url, { headers: { authorization: `Bearer ${apiKey}` } });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError('ai_bad_answer', { cause });
  }
}
