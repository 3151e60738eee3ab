import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import {
  forgeFrames,
  forgeGrid,
  forgeImage,
  forgeLargeAlpha,
  forgeLie,
} from '../../../test/fakes/forge-avif.ts';
import { checkAvif } from './check-avif.ts';
import { readObus } from './read-obus.ts';

const MAX = 1_000_000;
const unusable = expect.objectContaining({ code: 'no_usable_picture' });

/** Loads a file that avifenc or Pillow (both use libavif) wrote. */
const load = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/avif/${name}.avif`, import.meta.url));

const drawing = (channels: 3 | 4) =>
  sharp({ create: { width: 300, height: 200, channels, background: '#ff000080' } });

describe('accepts the output of encoders', () => {
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

describe('rejects files that cost more to decode than they show', () => {
  test('an alpha plane of another size', async () => {
    const bytes = await forgeLargeAlpha();
    expect(() => checkAvif(bytes, MAX)).toThrow(unusable);
  });

  test('a grid that repeats one tile', async () => {
    const bytes = await forgeGrid(64);
    expect(() => checkAvif(bytes, 100_000_000)).toThrow(unusable);
  });

  test('an image sequence', () => {
    expect(() => checkAvif(load('sequence'), MAX)).toThrow(unusable);
  });

  test('more pixels than allowed, in one image or in tiles', async () => {
    for (const bytes of [load('rgb'), load('grid')]) {
      expect(() => checkAvif(bytes, 256 * 256 - 1)).toThrow(unusable);
    }
    expect(() => checkAvif(load('grid'), 512 * 512)).not.toThrow();
    expect(() => checkAvif(load('grid'), 512 * 512 - 1)).toThrow(unusable);
  });

  test.each([
    // A wrong grid size, a wrong number of tiles, and an item that is not an image.
    ['grid', 'ispe', 8, 0xff],
    ['grid', 'dimg', 7, 3],
    ['grid', 'infe', 12, 0x78],
    ['rgb', 'pitm', 9, 7],
    ['rgb', 'ispe', 8, 0xff],
    ['rgb', 'iloc', -1, 0xff],
    ['rgb', 'ipma', 7, 0xff],
    ['rgb', 'ipma', 10, 0xff],
  ])('a file with wrong boxes: %s, %s at %i', (name, type, offset, value) => {
    const bytes = Buffer.from(load(name));
    bytes[bytes.indexOf(type) + offset] = value;
    expect(() => checkAvif(bytes, MAX)).toThrow(unusable);
  });

  test('too many boxes', () => {
    const boxes = Buffer.alloc(8 * 100_000);
    for (let at = 0; at < boxes.length; at += 8) boxes.write('\0\0\0\x08free', at, 'latin1');
    expect(() => checkAvif(Buffer.concat([load('rgb'), boxes]), MAX)).toThrow(unusable);
  });

  test('a file that is truncated anywhere before its pixels', () => {
    const whole = load('grid-alpha');
    for (let length = 0; length < whole.indexOf('mdat'); length += 1) {
      expect(() => checkAvif(whole.subarray(0, length), MAX)).toThrow(unusable);
    }
  });
});

describe('a coded image is one frame of the stated size', () => {
  /** An OBU with a size of one byte. */
  const obu = (type: number, payload: readonly number[] = []) =>
    Buffer.from([(type << 3) | 2, payload.length, ...payload]);
  const [delimiter, padding, metadata, reserved] = [obu(2), obu(15, [0x80]), obu(5, [1, 0x80]), obu(9, [1])];
  const change = (edit: (data: Buffer) => Buffer) => forgeImage(load('rgb'), edit);
  const withEnd = (...units: readonly Buffer[]) => change((data) => Buffer.concat([data, ...units]));
  /** The sequence header and the frame that avifenc wrote. */
  const takeUnits = () => {
    let units: Buffer[] = [];
    change((data) => {
      units = [...readObus(data)].map(({ type, payload }) => writeObu(type, payload));
      return data;
    });
    return units;
  };
  /** Writes an OBU with a size of 4 bytes, as leb128 allows. */
  const writeObu = (type: number, payload: Buffer) => {
    const size = [0, 7, 14].map((shift) => ((payload.length >> shift) & 0x7f) | 0x80);
    return Buffer.concat([Buffer.from([(type << 3) | 2, ...size, 0]), payload]);
  };

  test('rejects 1500 copies of a key frame in linear time', async () => {
    const file = await forgeFrames(1500);
    expect(file.length).toBeLessThan(400_000);
    const before = process.threadCpuUsage();
    for (let round = 0; round < 20; round += 1) {
      expect(() => checkAvif(file, 17_000_000)).toThrow(unusable);
    }
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000 / 20).toBeLessThan(20);
  });

  test('accepts one frame with few other units', async () => {
    const [first = delimiter, ...units] = takeUnits();
    const data = Buffer.concat([first, metadata, reserved, ...units, padding]);
    for (const file of [await forgeFrames(1), change(() => data), withEnd(...Array(60).fill(padding))]) {
      expect(() => checkAvif(file, 17_000_000)).not.toThrow();
    }
  });

  test('accepts a frame in parts, and copies of its header', () => {
    const units = takeUnits();
    const frame = units.pop() ?? delimiter;
    const parts = [...units, obu(3, [0x10]), obu(4, [0]), obu(7, [0x10]), obu(4, [0])];
    expect(frame.readUInt8(0) >> 3).toBe(6);
    expect(() =>
      checkAvif(
        change(() => Buffer.concat(parts)),
        MAX,
      ),
    ).not.toThrow();
  });

  test.each([
    ['a second frame', (units) => [...units, ...units.slice(-1)]],
    ['a second frame header', (units) => [...units, obu(3, [0x10])]],
    ['two sequence headers', (units) => [...units.slice(0, -1), ...units]],
    ['no frame', (units) => units.slice(0, -1)],
    ['a frame without a sequence header', (units) => units.slice(-1)],
    ['a header without tiles', (units) => [...units.slice(0, -1), obu(3, [0x10])]],
    ['tiles without a header', (units) => [...units.slice(0, -1), obu(4, [0]), ...units.slice(-1)]],
    ['a copy of no header', (units) => [...units.slice(0, -1), obu(7, [0]), ...units.slice(-1)]],
    ['an empty frame', (units) => [...units.slice(0, -1), obu(6)]],
    ['a list of tiles', (units) => [...units, obu(8, [0])]],
    ['too many tile groups', (units) => [...units, ...Array(5000).fill(obu(4, [0]))]],
    ['too much padding', (units) => [...units, ...Array(100).fill(padding)]],
    ['much more data than pixels', (units) => [...units, writeObu(15, Buffer.alloc(2_000_000))]],
    ['a unit without a size', (units) => [...units, Buffer.from([15 << 3, 0])]],
    ['a size that is cut', (units) => [...units, Buffer.from([0x7a, 0x80])]],
    ['a size that is too long', (units) => [...units, Buffer.from([0x7a, ...Array(9).fill(0x80), 0])]],
    ['a unit beyond the end', (units) => [...units, Buffer.from([0x7a, 0xff, 0x7f])]],
  ] satisfies [string, (units: Buffer[]) => Buffer[]][])('rejects %s', (_, edit) => {
    const file = change(() => Buffer.concat(edit(takeUnits())));
    expect(() => checkAvif(file, MAX)).toThrow(unusable);
  });

  test.each([
    { method: 0, extents: 3 },
    { method: 1, extents: 1 },
    { method: 1, extents: 2 },
  ] as const)('reads all data of an item: %j', async (storage) => {
    const avif = await drawing(3).avif().toBuffer();
    const once = forgeImage(avif, (data) => data, storage);
    const twice = forgeImage(avif, (data) => Buffer.concat([data, data]), storage);
    expect(() => checkAvif(once, MAX)).not.toThrow();
    expect((await sharp(once).stats()).channels).toEqual((await sharp(avif).stats()).channels);
    expect(() => checkAvif(twice, MAX)).toThrow(unusable);
  });

  test('rejects data in another item, and data in too many pieces', () => {
    for (const storage of [{ method: 2, extents: 1 } as const, { method: 0, extents: 17 } as const]) {
      expect(() =>
        checkAvif(
          forgeImage(load('rgb'), (data) => data, storage),
          MAX,
        ),
      ).toThrow(unusable);
    }
  });

  test('rejects a frame that is shown again', () => {
    // The sequence header is not reduced: no timing, one operating point of level 5, 8 bits per
    // side.
    const side = (length: number) => (length - 1).toString(2).padStart(8, '0');
    const size = load('rgb').indexOf('ispe') + 8;
    const [width, height] = [load('rgb').readUInt32BE(size), load('rgb').readUInt32BE(size + 4)];
    const bits = `00010${'0'.repeat(19)}0010101110111${side(width)}${side(height)}`.padEnd(64, '0');
    const sequence = obu(1, [...Buffer.from(BigInt(`0b${bits}`).toString(16).padStart(16, '0'), 'hex')]);
    const check = (header: number) =>
      checkAvif(
        change(() => Buffer.concat([sequence, obu(3, [header]), obu(4, [0])])),
        MAX,
      );
    expect(() => check(0x10)).not.toThrow();
    expect(() => check(0x80)).toThrow(unusable);
  });

  test('rejects an image larger than stated', () => {
    expect(() => checkAvif(forgeLie(), MAX)).toThrow(unusable);
  });

  test('rejects a file that is truncated anywhere', () => {
    const whole = load('rgb');
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => checkAvif(whole.subarray(0, length), MAX)).toThrow(unusable);
    }
  });

  test('accepts or rejects a file with any changed bytes', () => {
    const files = ['rgb', 'grid-alpha', 'ten-bit'].map(load);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...files), edits, fc.boolean(), (file, changes, isDataOnly) => {
        const bytes = Buffer.from(file);
        // The units follow the boxes, and their first bytes are headers.
        const start = isDataOnly ? bytes.indexOf('mdat') + 4 : 0;
        const end = isDataOnly ? Math.min(bytes.length, start + 30) : bytes.length;
        for (const [at, value] of changes) bytes[start + (at % (end - start))] = value;
        try {
          checkAvif(bytes, MAX);
        } catch (error) {
          expect(error).toEqual(unusable);
          expect((error as Error).cause).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test('accepts or rejects any file in negligible time', () => {
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
