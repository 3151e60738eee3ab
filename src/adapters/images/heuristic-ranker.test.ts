import { expect, test } from 'vitest';
import type { CollectedImage } from './collect-images.ts';
import { createHeuristicRanker } from './heuristic-ranker.ts';

function image(url: string, facts: Partial<CollectedImage> = {}): CollectedImage {
  return {
    url,
    alt: null,
    source: 'dom',
    position: 3,
    width: 600,
    height: 600,
    bytes: Buffer.alloc(0),
    contentType: 'image/jpeg',
    sha256: Buffer.alloc(32),
    hash: '0000000000000000',
    borderUniformity: 0.5,
    subjectShare: null,
    meanColour: [128, 128, 128],
    palette: ['#ffffff', '#000000', '#808080'],
    entropy: 5,
    ...facts,
  };
}

const ranker = createHeuristicRanker();

async function order(...images: CollectedImage[]): Promise<string[]> {
  const { ranked } = await ranker.rank(images, { title: 'Red leather shoe' }, new AbortController().signal);
  for (const { score } of ranked) {
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
  return ranked.map((entry) => entry.image.url);
}

test.each<[string, Partial<CollectedImage>]>([
  ['structured data', { source: 'json-ld' }],
  ['a better place', { position: 0 }],
  ['the words of the title', { alt: 'red SHOE, side' }],
  ['a plain border', { borderUniformity: 1 }],
  ['more pixels', { width: 1000, height: 1000 }],
])('%s goes first, the rest being equal', async (_, facts) => {
  expect(await order(image('plain'), image('better', facts))).toEqual(['better', 'plain']);
});

test('a banner goes last; equals keep their order; none is none', async () => {
  expect(await order(image('banner', { width: 2000 }), image('square'))).toEqual(['square', 'banner']);
  expect(await order(image('a'), image('b'))).toEqual(['a', 'b']);
  expect(await order()).toEqual([]);
});

test('a packshot of structured data beats a large picture with the right words further down', async () => {
  const packshot = image('packshot', { source: 'json-ld', position: 0, borderUniformity: 1 });
  const scene = image('scene', { position: 5, alt: 'Red leather shoe', width: 2000, height: 1500 });
  expect(await order(scene, packshot)).toEqual(['packshot', 'scene']);
});
