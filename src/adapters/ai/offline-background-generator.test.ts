import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { createImageDecoder } from '../images/image-decoder.ts';
import { chooseSceneColors } from '../images/scene-colors.ts';
import type { Brief, CallContext, SourceImage } from './ai-provider.ts';
import { createOfflineBackgroundGenerator } from './offline-background-generator.ts';

const images = createImageDecoder();
afterAll(images.close);
const generator = createOfflineBackgroundGenerator(images);
const call: CallContext = {
  idempotencyKey: 'k',
  owner: 'test',
  signal: new AbortController().signal,
  timeoutMs: 1000,
  sendBefore: Number.POSITIVE_INFINITY,
  onLeft: () => undefined,
};

function briefFor(variant: number, palette = ['#ffffff', '#c2382e']): Brief {
  return {
    title: 'T',
    description: null,
    brand: null,
    priceText: null,
    tone: null,
    locale: 'en',
    palette,
    variant,
  };
}

async function draw(background: string, size = 400): Promise<SourceImage> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="${background}"/><circle cx="50%" cy="50%" r="30%" fill="#c2382e"/></svg>`;
  return { bytes: await sharp(Buffer.from(svg)).png().toBuffer(), contentType: 'image/png' };
}

test('draws ten different full-size images for ten variants', async () => {
  const studio = await draw('#fff');
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, variant) => generator.generateBackground(briefFor(variant), studio, call)),
  );
  expect(new Set(answers.map((one) => one.bytes.toString('base64'))).size).toBe(10);
  for (const answer of answers) {
    expect(answer).toMatchObject({ contentType: 'image/jpeg', width: 1200, height: 800, model: 'compose-1' });
    expect(answer.palette.every((color) => /^#[0-9a-f]{6}$/.test(color))).toBe(true);
  }
});

test.each([
  ['gray', '#888', 400],
  ['see-through', 'none', 400],
  ['one pixel', '#fff', 1],
])('accepts a %s image with any palette', async (_, background, size) => {
  const image = await draw(background, size);
  for (const variant of [0, 1, 2, 8]) {
    const answer = await generator.generateBackground(briefFor(variant, []), image, call);
    expect(answer.width).toBe(1200);
  }
});

test('blends a studio image into a light scene without a white box', async () => {
  const { bytes } = await generator.generateBackground(briefFor(3), await draw('#f4f4f4'), call);
  // Inside the corner of the product, and just outside it.
  const at = async (left: number) =>
    (await sharp(bytes).extract({ left, top: 140, width: 4, height: 4 }).stats()).channels.map(
      (one) => one.mean,
    );
  const [inside, outside] = [await at(90), await at(70)];
  for (const [channel, value] of inside.entries()) {
    expect(Math.abs(value - (outside[channel] ?? 0))).toBeLessThan(6);
  }
});

test('omits the product of a broken image and still draws the background', async () => {
  const broken: SourceImage = { bytes: Buffer.from('nothing'), contentType: 'image/png' };
  for (const variant of [0, 2]) {
    expect((await generator.generateBackground(briefFor(variant), broken, call)).width).toBe(1200);
  }
});

test('stops when the signal aborts', async () => {
  const aborted = { ...call, signal: AbortSignal.abort(new Error('stop')) };
  await expect(generator.generateBackground(briefFor(0), await draw('#fff'), aborted)).rejects.toThrow(
    'stop',
  );
});

test('takes the scene colors from the product, or from a fallback hue if the product is gray', () => {
  expect(chooseSceneColors(['#ffffff', '#0000ff'], 0).strong).toMatch(/^#[0-9a-f]{4}[c-f]/);
  const gray = chooseSceneColors(['#ffffff', '#000000', 'no color'], 0);
  expect(new Set(Object.values(gray)).size).toBe(4);
});
