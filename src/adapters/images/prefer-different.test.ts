import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { createImageDecoder } from './image-decoder.ts';
import { preferDifferent } from './prefer-different.ts';
import type { RankedImage } from './ranker.ts';

const never = { owner: 'test', signal: new AbortController().signal };
const decoder = createImageDecoder();
afterAll(decoder.close);

const SHOE = (color: string) => `<path d="M10 80 L60 20 L90 80 Z" fill="${color}"/>`;
const HAT =
  '<rect x="5" y="45" width="60" height="30" fill="#c22"/><circle cx="75" cy="25" r="20" fill="#282"/>';

/**
 * A drawing on white. `zoom` crops each side a little, like another photograph of the same thing.
 */
async function drawing(url: string, shapes: string, zoom = 0): Promise<RankedImage> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600" viewBox="${zoom} ${zoom} ${100 - 2 * zoom} ${100 - 2 * zoom}"><rect width="100" height="100" fill="#fff"/>${shapes}</svg>`;
  const bytes = await sharp(Buffer.from(svg)).jpeg().toBuffer();
  return {
    image: { url, alt: null, source: 'dom', position: 0, ...(await decoder.inspect(bytes, never)) },
    score: 0.5,
  };
}

test('moves an image that is similar to a better one behind different ones, and loses none', async () => {
  const ranked = await Promise.all([
    drawing('shoe', SHOE('#c22')),
    drawing('shoe, closer', SHOE('#c22'), 2),
    drawing('hat', HAT),
    drawing('shoe, a little closer', SHOE('#c22'), 1),
    drawing('blue shoe', SHOE('#22c')),
  ]);
  expect(preferDifferent(ranked).map(({ image }) => image.url)).toEqual([
    'shoe',
    'hat',
    'blue shoe',
    'shoe, closer',
    'shoe, a little closer',
  ]);
});

test('keeps the order of similar images if there are no others', async () => {
  const ranked = await Promise.all([drawing('one', HAT), drawing('two', HAT, 1), drawing('three', HAT, 2)]);
  expect(preferDifferent(ranked)).toEqual(ranked);
  expect(preferDifferent([])).toEqual([]);
});
