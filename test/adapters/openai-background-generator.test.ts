import sharp from 'sharp';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Brief, SourceImage } from '../../src/adapters/ai/ai-provider.ts';
import { createOpenAiBackgroundGenerator } from '../../src/adapters/ai/openai-background-generator.ts';
import { createImageDecoder } from '../../src/adapters/images/image-decoder.ts';
import { startFakeAi } from '../fakes/fake-ai.ts';
import { makeCall } from './make-call.ts';

const ai = await startFakeAi();
const images = createImageDecoder();
afterAll(() => ai.close());
afterAll(images.close);
beforeEach(() => {
  ai.calls.length = 0;
  ai.setScript(undefined);
});

const generator = createOpenAiBackgroundGenerator(images, {
  baseUrl: ai.baseUrl,
  apiKey: 'sk-secret',
  model: 'image-1',
});
const brief: Brief = {
  title: 'Red Shoe',
  description: null,
  brand: null,
  priceText: null,
  locale: 'en',
  tone: null,
  palette: ['#c2382e'],
  variant: 0,
};
const image: SourceImage = {
  bytes: await sharp({ create: { width: 40, height: 40, channels: 3, background: '#c2382e' } })
    .jpeg()
    .toBuffer(),
  contentType: 'image/jpeg',
};

test('requests an image with one multipart request', async () => {
  const { call, leftAt } = makeCall({ idempotencyKey: 'step-8' });
  const answer = await generator.generateBackground(brief, image, call);
  expect(answer).toMatchObject({
    contentType: 'image/jpeg',
    width: 480,
    height: 320,
    model: 'image-1',
    usage: { inputTokens: 320, outputTokens: 1056 },
  });
  expect(answer.palette.length).toBeGreaterThanOrEqual(3);
  expect(leftAt).toHaveLength(1);
  expect(ai.calls).toHaveLength(1);
  expect(ai.calls[0]).toMatchObject({
    kind: 'image',
    idempotencyKey: 'step-8',
    body: {
      model: 'image-1',
      image: { name: 'product.jpg', type: 'image/jpeg', size: image.bytes.length },
    },
  });
  expect(Object.keys(ai.calls[0]?.body ?? {}).sort()).toEqual(['image', 'model', 'prompt']);
});

test('fetches an image from an address of the service', async () => {
  ai.setScript(() => 'image-url');
  const { call, leftAt } = makeCall();
  expect((await generator.generateBackground(brief, image, call)).width).toBe(480);
  expect(leftAt).toHaveLength(1);
  expect(ai.calls).toHaveLength(1);
});

test.each([
  ['not-image', 'ai_bad_answer'],
  ['half-image', 'ai_bad_answer'],
  ['foreign-url', 'ai_bad_answer'],
  ['wrong-shape', 'ai_bad_answer'],
  ['broken-json', 'ai_bad_answer'],
  ['refuse', 'ai_refused'],
  ['cut', 'ai_connection_lost'],
  [{ do: 'status', status: 429 }, 'ai_rate_limited'],
  [{ do: 'status', status: 500 }, 'ai_server_error'],
] as const)('reports %j as %s after one request', async (behavior, code) => {
  ai.setScript(() => behavior);
  await expect(generator.generateBackground(brief, image, makeCall().call)).rejects.toMatchObject({ code });
  expect(ai.calls).toHaveLength(1);
});

test('sends nothing with an expired slot, not even a probe of fetch', async () => {
  const { call, leftAt } = makeCall({ sendBefore: performance.now() - 1 });
  await expect(generator.generateBackground(brief, image, call)).rejects.toMatchObject({
    code: 'slot_expired',
  });
  expect(ai.calls).toHaveLength(0);
  expect(leftAt).toHaveLength(0);
});
