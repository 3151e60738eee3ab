import { z } from 'zod';
import { AppError } from '../../lib/app-error.ts';
import type { Usage } from './ai-provider.ts';

const count = z.number().int().nonnegative().nullish().catch(null);

const images = z.object({
  model: z.string().nullish().catch(null),
  data: z.array(z.object({ b64_json: z.string().nullish(), url: z.string().nullish() })).min(1),
  usage: z.object({ input_tokens: count, output_tokens: count }).nullish().catch(null),
});

/**
 * The content of an images answer: the bytes, or the address from which the service offers them.
 */
export interface ImageReply {
  readonly image: { readonly bytes: Buffer } | { readonly url: URL };
  readonly model: string | null;
  readonly usage: Usage;
}

/**
 * Returns the image in an images answer: `b64_json`, a `data:` address, or an address of the
 * service itself. That address must have the same origin as `baseUrl`; otherwise an answer could
 * send us anywhere. Throws `ai_bad_answer`.
 */
export function readImageAnswer(answer: unknown, baseUrl: string): ImageReply {
  const parsed = images.safeParse(answer);
  const image = parsed.data?.data[0];
  if (!parsed.success || image === undefined) throw new AppError('ai_bad_answer', { cause: parsed.error });
  const { model, usage } = parsed.data;
  return {
    image: findImage(image.b64_json || image.url || '', Boolean(image.b64_json), baseUrl),
    model: model || null,
    usage: { inputTokens: usage?.input_tokens ?? null, outputTokens: usage?.output_tokens ?? null },
  };
}

function findImage(value: string, isBase64: boolean, baseUrl: string): ImageReply['image'] {
  if (value.startsWith('data:')) {
    const comma = value.indexOf(',');
    if (!/;base64$/i.test(value.slice(0, Math.max(comma, 0)))) throw new AppError('ai_bad_answer');
    return { bytes: Buffer.from(value.slice(comma + 1), 'base64') };
  }
  if (isBase64) return { bytes: Buffer.from(value, 'base64') };
  const url = value === '' ? null : URL.parse(value, baseUrl);
  if (url === null || url.origin !== new URL(baseUrl).origin) {
    throw new AppError('ai_bad_answer', { cause: new Error('image at a foreign address') });
  }
  return { url };
}
