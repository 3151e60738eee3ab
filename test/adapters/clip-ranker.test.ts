import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClipRanker } from '../../src/adapters/images/clip-ranker.ts';
import type { CollectedImage } from '../../src/adapters/images/collect-images.ts';
import { makeView } from '../../src/adapters/images/copy-image.ts';
import { createHeuristicRanker } from '../../src/adapters/images/heuristic-ranker.ts';
import { createImageDecoder } from '../../src/adapters/images/image-decoder.ts';
import { loadClipModel } from '../../src/adapters/images/load-clip-model.ts';
import type { ImageRanker } from '../../src/adapters/images/ranker.ts';
import { createMemoryLog, quietLog } from '../support/quiet-log.ts';
import { writeTinyClip } from '../support/write-tiny-clip.ts';

let folder: string;
let model: string;
let ranker: ImageRanker;
const never = { owner: 'test', signal: new AbortController().signal };
const fallback = createHeuristicRanker();
const decoder = createImageDecoder();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-clip-'));
  model = join(folder, 'tiny-clip');
  await writeTinyClip(model);
  ranker = await open();
});
afterAll(async () => {
  await ranker.close();
  decoder.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (more: Partial<Parameters<typeof createClipRanker>[0]> = {}) =>
  createClipRanker({
    images: decoder,
    model,
    cacheFolder: join(folder, 'cache'),
    log: quietLog,
    fallback,
    ...more,
  });

/** An image in one color with a stripe. Call this in the order of the page. */
async function image(url: string, background: string, position = 0): Promise<CollectedImage> {
  const inner = { width: 40, height: 300, channels: 4 as const, background: '#777777' };
  const bytes = await sharp({ create: { width: 400, height: 300, channels: 4, background } })
    .composite([{ input: { create: inner } }])
    .png()
    .toBuffer();
  return { url, alt: null, source: 'dom', position, ...(await decoder.inspect(bytes, never)) };
}

const shop = () =>
  Promise.all([
    image('white', '#ffffff', 0),
    image('blue', '#1020e0', 1),
    image('red', '#e01020', 2),
    image('green', '#10d030', 3),
  ]);

/** Returns the CPU time of this thread during some work, in milliseconds. */
async function measureThread(work: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

describe('ranking with a model', () => {
  test.each(['red', 'blue', 'green'])('ranks the %s image first for a shoe of that color', async (color) => {
    const ranking = await ranker.rank(await shop(), { title: `Shoe, ${color.toUpperCase()}` }, never);
    expect(ranking).toMatchObject({ method: 'clip', model: 'tiny-clip' });
    expect(ranking.ranked).toHaveLength(4);
    const [first, second] = ranking.ranked;
    expect(first?.image.url).toBe(color);
    expect(first?.score).toBeGreaterThan(0.9);
    expect(second?.score).toBeLessThan(0.1);
  });

  test('scores an image that fits a negative prompt better near 0, even if it is the only one', async () => {
    const { ranked } = await ranker.rank([await image('white', '#ffffff')], { title: 'red shoe' }, never);
    expect(ranked[0]?.score).toBeLessThan(0.01);
  });

  test('treats transparent pixels as white', async () => {
    const clear = await image('clear', '#e0102000');
    expect(clear.isTransparent).toBe(true);
    expect((await ranker.rank([clear], { title: 'red shoe' }, never)).ranked[0]?.score).toBeLessThan(0.01);
  });

  test('handles more images than a batch, a title that is too long, and no images', async () => {
    const many = await Promise.all(
      Array.from({ length: 19 }, (_, at) => image(`${at}`, at === 17 ? '#0000ff' : '#ff0000', at)),
    );
    const title = `blue ${'very nice cup '.repeat(100)}`;
    const { method, ranked } = await ranker.rank(many, { title }, never);
    expect([method, ranked.length, ranked[0]?.image.url]).toEqual(['clip', 19, '17']);
    expect(await ranker.rank([], { title: 'red' }, never)).toMatchObject({ method: 'clip', ranked: [] });
  });

  test('keeps the event loop free, because other processes do the work', async () => {
    const images = (await Promise.all(Array.from({ length: 5 }, shop))).flat();
    const views = await Promise.all(images.map((image) => makeView(image.original)));
    const here = await loadClipModel({ model, cacheFolder: join(folder, 'cache') });
    const worked = await measureThread(() => here.embedImages(views));
    const waited = await measureThread(() => ranker.rank(images, { title: 'red' }, never));
    // True even on a busy machine: waiting uses no CPU time.
    expect(waited).toBeLessThan(worked / 2);
  });
});

test('replaces a process after its maximum number of pages, with the same results', async () => {
  const log = createMemoryLog();
  const short = await open({ pagesPerProcess: 1, log });
  for (let page = 0; page < 3; page += 1) {
    const { method, ranked } = await short.rank(await shop(), { title: 'red' }, never);
    expect([method, ranked[0]?.image.url]).toEqual(['clip', 'red']);
  }
  await short.close();
  expect(log.lines).toEqual([]);
});

test('ranks by rules if CLIP fails, says so in the ranking and the log, and uses CLIP for the next page', async () => {
  const log = createMemoryLog();
  const own = await open({ log });
  const images = await shop();
  const broken = images.map((image) => ({ ...image, original: Buffer.from('no image') }));
  const ranking = await own.rank(broken, { title: 'red' }, never);
  expect(ranking).toMatchObject({ method: 'heuristic', model: null });
  expect(ranking.ranked).toHaveLength(4);
  expect(log.lines).toMatchObject([
    { level: 'warn', message: expect.stringContaining('ranking them by rules') },
  ]);
  expect(await own.rank(images, { title: 'red' }, never)).toMatchObject({ method: 'clip' });
  await own.close();
});

test('kills a process that takes too long, and ranks its page by rules', async () => {
  const log = createMemoryLog();
  const hurried = await open({ log, rankTimeoutMs: 1 });
  const { method, ranked } = await hurried.rank(await shop(), { title: 'red' }, never);
  expect([method, ranked.length]).toEqual(['heuristic', 4]);
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { model: 'tiny-clip' } }]);
  await hurried.close();
});

test('close during a ranking ends only that ranking', async () => {
  const own = await open();
  const ranking = own.rank(await shop(), { title: 'red' }, never);
  await own.close();
  expect(await ranking).toMatchObject({ method: 'heuristic', model: null });
});

test('throws the reason of an abort instead of ranking by rules', async () => {
  const reason = new Error('stop');
  await expect(
    ranker.rank(await shop(), { title: 'red' }, { owner: 'test', signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason);
  const later = new AbortController();
  const ranking = ranker.rank(await shop(), { title: 'red' }, { owner: 'test', signal: later.signal });
  later.abort(reason);
  await expect(ranking).rejects.toBe(reason);
  expect(await ranker.rank(await shop(), { title: 'red' }, never)).toMatchObject({ method: 'clip' });
});

describe('explains why a model cannot be loaded', () => {
  async function damaged(name: string, change: (path: string) => Promise<void>): Promise<string> {
    const path = join(folder, name);
    await cp(model, path, { recursive: true });
    await change(path);
    return path;
  }

  test.each([
    ['no folder', async (path: string) => rm(path, { recursive: true }), 'there is no folder'],
    ['no tokenizer', async (path: string) => rm(join(path, 'tokenizer.json')), 'has no tokenizer.json'],
    ['no weights', async (path: string) => rm(join(path, 'onnx/text_model.onnx')), 'onnx/text_model.onnx'],
    [
      'broken weights',
      async (path: string) => writeFile(join(path, 'onnx/text_model.onnx'), 'nonsense'),
      'not a CLIP model that can be loaded',
    ],
    [
      'broken settings',
      async (path: string) => writeFile(join(path, 'tokenizer.json'), '{'),
      'not a CLIP model that can be loaded',
    ],
  ])('%s', async (name, change, sentence) => {
    const path = await damaged(name.replace(' ', '-'), change);
    const opening = open({ model: path });
    await expect(opening).rejects.toThrow(sentence);
    await expect(opening).rejects.toMatchObject({ name: 'ClipModelError' });
  });
});
