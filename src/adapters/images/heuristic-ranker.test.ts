import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import type { CollectedImage } from './collect-images.ts';
import { createHeuristicRanker } from './heuristic-ranker.ts';
import { createImageDecoder } from './image-decoder.ts';

function image(url: string, facts: Partial<CollectedImage> = {}): CollectedImage {
  return {
    url,
    alt: null,
    source: 'dom',
    position: 3,
    width: 600,
    height: 600,
    original: Buffer.alloc(0),
    isTransparent: false,
    hash: '0000000000000000',
    borderUniformity: 0.5,
    subjectShare: null,
    meanColor: [128, 128, 128],
    palette: ['#ffffff', '#000000', '#808080'],
    entropy: 5,
    ...facts,
  };
}

const never = { owner: 'test', signal: new AbortController().signal };
const decoder = createImageDecoder();
afterAll(decoder.close);
const ranker = createHeuristicRanker();

async function order(...images: CollectedImage[]): Promise<string[]> {
  const { ranked } = await ranker.rank(images, { title: 'Red leather shoe' }, never);
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
  ['a product that fills its frame', { subjectShare: 0.4 }],
  ['more pixels', { width: 1000, height: 1000 }],
])('ranks %s first if everything else is equal', async (_, facts) => {
  expect(await order(image('plain'), image('better', facts))).toEqual(['better', 'plain']);
});

test('ranks a banner last, keeps the order of equal images, and accepts an empty list', async () => {
  expect(await order(image('banner', { width: 2000 }), image('square'))).toEqual(['square', 'banner']);
  expect(await order(image('a'), image('b'))).toEqual(['a', 'b']);
  expect(await order()).toEqual([]);
});

test.each<[string, Partial<CollectedImage>, Partial<CollectedImage>]>([
  [
    'a short text that fits, before a long one that does not',
    { alt: 'Leather shoe' },
    { alt: 'Shoe care set with wax' },
  ],
  ['a whole product, before a speck on a large ground', { subjectShare: 0.5 }, { subjectShare: 0.01 }],
  [
    'a product of the page, before the logo that structured data names first',
    {},
    { source: 'json-ld', position: 0, alt: 'Logo of the shop' },
  ],
])('%s', async (_, better, worse) => {
  expect(await order(image('worse', worse), image('better', better))).toEqual(['better', 'worse']);
});

test('ranks a file named as a size chart last, unless the product is a size chart', async () => {
  const chart = image('https://shop.example/img/Size_Chart-2.jpg?v=1', { source: 'json-ld', position: 0 });
  const other = image('https://shop.example/img/a.jpg');
  expect(await order(chart, other)).toEqual([other.url, chart.url]);
  const ranking = await ranker.rank([other, chart], { title: 'Star chart' }, never);
  expect(ranking.ranked[0]?.image.url).toBe(chart.url);
});

describe('images made with sharp', () => {
  async function draw(url: string, svg: string, facts: Partial<CollectedImage> = {}) {
    const bytes = await sharp(Buffer.from(svg)).jpeg().toBuffer();
    return image(url, { ...(await decoder.inspect(bytes, never)), position: 0, ...facts });
  }
  const svg = (width: number, height: number, inner: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${inner}</svg>`;
  const shoe = '<rect x="15%" y="30%" width="70%" height="45%" rx="60" fill="#b22"/>';
  const room = `<rect width="50%" height="55%" fill="#a86"/><rect x="50%" width="50%" height="55%" fill="#cdb"/><rect y="55%" width="100%" height="45%" fill="#543"/>${shoe}`;

  test('ranks images of the same position: packshot, room, tiny image, banner', async () => {
    const images = await Promise.all([
      draw('banner', svg(1200, 340, `${room}<circle cx="90%" cy="50%" r="100" fill="#fd0"/>`)),
      draw('speck', svg(300, 300, '<rect x="48%" y="46%" width="6%" height="7%" fill="#b22"/>')),
      draw('room', svg(800, 800, room)),
      draw('packshot', svg(800, 800, shoe)),
    ]);
    expect(await order(...images)).toEqual(['packshot', 'room', 'speck', 'banner']);
  });

  test('detects a plain border for a packshot, and nothing for a room', async () => {
    const [packshot, inRoom] = await Promise.all([
      draw('packshot', svg(800, 800, shoe)),
      draw('room', svg(800, 800, room)),
    ]);
    expect(packshot.subjectShare).toBeGreaterThan(0.25);
    expect(packshot.subjectShare).toBeLessThan(0.35);
    expect(inRoom.subjectShare).toBeNull();
  });
});

test('ranks a packshot from structured data above a large image with matching words further down', async () => {
  const packshot = image('packshot', { source: 'json-ld', position: 0, borderUniformity: 1 });
  const scene = image('scene', { position: 5, alt: 'Red leather shoe', width: 2000, height: 1500 });
  expect(await order(scene, packshot)).toEqual(['packshot', 'scene']);
});
