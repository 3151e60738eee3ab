import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { forgeGrid, forgeLargeAlpha } from '../../../test/fakes/forge-avif.ts';
import { checkAvif } from './check-avif.ts';

const MAX = 1_000_000;
const unusable = expect.objectContaining({ code: 'no_usable_picture' });

/** As avifenc and Pillow (both libavif) wrote it. */
const load = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/avif/${name}.avif`, import.meta.url));

const drawing = (channels: 3 | 4) =>
  sharp({ create: { width: 300, height: 200, channels, background: '#ff000080' } });

describe('what encoders write passes', () => {
  test.each(['rgb', 'ten-bit', 'alpha-exif-xmp-icc', 'transforms', 'grid', 'grid-alpha'])(
    'libavif: %s',
    async (name) => {
      expect(() => checkAvif(load(name), MAX)).not.toThrow();
      expect((await sharp(load(name)).stats()).channels.length).toBeGreaterThanOrEqual(3);
    },
  );

  test.each([{}, { lossless: true }, { chromaSubsampling: '4:4:4' }])('libheif: %j', async (options) => {
    for (const channels of [3, 4] as const) {
      const exif = { IFD0: { Copyright: 'x' } };
      const bytes = await drawing(channels).withMetadata({ orientation: 6, exif }).avif(options).toBuffer();
      expect(() => checkAvif(bytes, MAX)).not.toThrow();
    }
  });
});

describe('what would cost more than it shows is refused', () => {
  test('an alpha plane of another size', async () => {
    const bytes = await forgeLargeAlpha();
    expect(() => checkAvif(bytes, MAX)).toThrow(unusable);
  });

  test('a grid of one tile again and again', async () => {
    const bytes = await forgeGrid(64);
    expect(() => checkAvif(bytes, 100_000_000)).toThrow(unusable);
  });

  test('an image sequence', () => {
    expect(() => checkAvif(load('sequence'), MAX)).toThrow(unusable);
  });

  test('more pixels than are allowed, in one or in tiles', async () => {
    for (const bytes of [load('rgb'), load('grid')]) {
      expect(() => checkAvif(bytes, 256 * 256 - 1)).toThrow(unusable);
    }
    expect(() => checkAvif(load('grid'), 512 * 512)).not.toThrow();
    expect(() => checkAvif(load('grid'), 512 * 512 - 1)).toThrow(unusable);
  });

  test.each([
    // Another size of the grid than its tiles have, another number of tiles, and what is none.
    ['grid', 'ispe', 8, 0xff],
    ['grid', 'dimg', 7, 3],
    ['grid', 'infe', 12, 0x78],
    ['rgb', 'pitm', 9, 7],
    ['rgb', 'ispe', 8, 0xff],
    ['rgb', 'iloc', -1, 0xff],
    ['rgb', 'ipma', 7, 0xff],
    ['rgb', 'ipma', 10, 0xff],
  ])('a file whose boxes are wrong: %s, %s at %i', (name, type, offset, value) => {
    const bytes = Buffer.from(load(name));
    bytes[bytes.indexOf(type) + offset] = value;
    expect(() => checkAvif(bytes, MAX)).toThrow(unusable);
  });

  test('too many boxes', () => {
    const boxes = Buffer.alloc(8 * 100_000);
    for (let at = 0; at < boxes.length; at += 8) boxes.write('\0\0\0\x08free', at, 'latin1');
    expect(() => checkAvif(Buffer.concat([load('rgb'), boxes]), MAX)).toThrow(unusable);
  });

  test('a file that is cut anywhere before its pixels', () => {
    const whole = load('grid-alpha');
    for (let length = 0; length < whole.indexOf('mdat'); length += 1) {
      expect(() => checkAvif(whole.subarray(0, length), MAX)).toThrow(unusable);
    }
  });
});

test('any file at all is either let through or refused, in no time', () => {
  const whole = load('alpha-exif-xmp-icc');
  const before = process.cpuUsage();
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 5000; round += 1) {
    const bytes = Buffer.from(whole);
    for (let change = 0; change < 4; change += 1) bytes[next(600)] = next(256);
    try {
      checkAvif(bytes, MAX);
    } catch (error) {
      expect(error).toEqual(unusable);
    }
  }
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000 / 5000).toBeLessThan(5);
});
