import { readFileSync } from 'node:fs';
import sharp from 'sharp';

/** A coded image: its data, and the configuration that a decoder needs. */
interface CodedImage {
  readonly config: Buffer;
  readonly data: Buffer;
}

/** An item of a forged file. `properties` are indexes that start at 1. */
interface ForgedItem {
  readonly type: string;
  readonly data: Buffer;
  readonly properties: readonly number[];
}

interface ForgedFile {
  readonly items: readonly ForgedItem[];
  readonly properties: readonly Buffer[];
  readonly references: readonly {
    readonly type: string;
    readonly from: number;
    readonly to: readonly number[];
  }[];
  readonly storage?: Storage;
}

/** Where the file stores the data of items. */
export interface Storage {
  /** The construction method. 0: in the file, 1: in `idat`, 2: in another item. */
  readonly method: 0 | 1 | 2;
  /** The number of consecutive pieces of the data. */
  readonly extents: number;
}

const ALPHA = 'urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0';
const FLAT = new URL('../fixtures/avif/flat-8192.avif', import.meta.url);

/** An image of 400 x 400 with an alpha plane of 8192 x 8192. Decoders decode all of it: 1.4 GB. */
export async function forgeLargeAlpha(): Promise<Buffer> {
  const [small, large] = [takeApart(await draw(400)), takeApart(readFileSync(FLAT))];
  return forge({
    items: [
      { type: 'av01', data: small.data, properties: [1, 2] },
      { type: 'av01', data: large.data, properties: [3, 4, 5] },
    ],
    properties: [
      ispe(400, 400),
      small.config,
      ispe(8192, 8192),
      large.config,
      full('auxC', Buffer.from(ALPHA)),
    ],
    references: [{ type: 'auxl', from: 2, to: [1] }],
  });
}

/** An image of 8192 x 8192 that claims to be 400 x 400. */
export function forgeLie(): Buffer {
  const { config, data } = takeApart(readFileSync(FLAT));
  return forge({
    items: [{ type: 'av01', data, properties: [1, 2] }],
    properties: [ispe(400, 400), config],
    references: [],
  });
}

/** A flat image of 4096 x 4096 whose only item repeats one frame. A decoder decodes all of them. */
export async function forgeFrames(count: number): Promise<Buffer> {
  const create = { width: 4096, height: 4096, channels: 3, background: '#888' } as const;
  const avif = await sharp({ create }).avif({ effort: 0 }).toBuffer();
  return forgeImage(avif, (data) => Buffer.concat(Array<Buffer>(count).fill(data)));
}

/** Returns an image that sharp has written, with changed data. */
export function forgeImage(avif: Buffer, change: (data: Buffer) => Buffer, storage?: Storage): Buffer {
  const { config, data } = takeApart(avif);
  const size = avif.indexOf('ispe') + 8;
  return forge({
    items: [{ type: 'av01', data: change(data), properties: [1, 2] }],
    properties: [ispe(avif.readUInt32BE(size), avif.readUInt32BE(size + 4)), config],
    references: [],
    ...(storage && { storage }),
  });
}

/**
 * A grid of 16 x 16 times the same tile, whose result has the size of one tile. A decoder decodes
 * 256 images.
 */
export async function forgeGrid(side: number): Promise<Buffer> {
  const tile = takeApart(await draw(side));
  const shape = Buffer.from([0, 0, 15, 15, side >> 8, side & 255, side >> 8, side & 255]);
  return forge({
    items: [
      { type: 'grid', data: shape, properties: [1] },
      { type: 'av01', data: tile.data, properties: [1, 2] },
    ],
    properties: [ispe(side, side), tile.config],
    references: [{ type: 'dimg', from: 1, to: Array(256).fill(2) }],
  });
}

function draw(side: number): Promise<Buffer> {
  return sharp({
    create: {
      width: side,
      height: side,
      channels: 3,
      background: '#c22',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
    .avif({ quality: 20, effort: 0 })
    .toBuffer();
}

/** Splits a file with one item, as sharp writes it. */
function takeApart(avif: Buffer): CodedImage {
  const config = avif.indexOf('av1C') - 4;
  const data = avif.indexOf('mdat') - 4;
  return {
    config: avif.subarray(config, config + avif.readUInt32BE(config)),
    data: avif.subarray(data + 8, data + avif.readUInt32BE(data)),
  };
}

/** The first item is the primary one. */
function forge({ items, properties, references, storage }: ForgedFile): Buffer {
  const { method, extents } = storage ?? { method: 0, extents: 1 };
  const allData = Buffer.concat(items.map(({ data }) => data));
  const makeMeta = (dataAt: number) => {
    let at = method === 0 ? dataAt : 0;
    const places = items.map(({ data }, index) => {
      const pieces = Array.from({ length: extents }, (_, piece) => {
        const start = Math.floor((data.length * piece) / extents);
        const end = Math.floor((data.length * (piece + 1)) / extents);
        return Buffer.concat([u32(at + start), u32(end - start)]);
      });
      at += data.length;
      return Buffer.concat([u16(index + 1), u16(method), u16(0), u16(extents), ...pieces]);
    });
    const infos = items.map(({ type }, index) =>
      full('infe', Buffer.concat([u16(index + 1), u16(0), Buffer.from(`${type}\0`)]), 2),
    );
    const owners = items.map((item, index) =>
      Buffer.concat([u16(index + 1), Buffer.from([item.properties.length, ...item.properties])]),
    );
    const links = references.map(({ type, from, to }) =>
      box(type, Buffer.concat([u16(from), u16(to.length), ...to.map(u16)])),
    );
    return full(
      'meta',
      Buffer.concat([
        full('hdlr', Buffer.concat([u32(0), Buffer.from('pict'), Buffer.alloc(13)])),
        full('pitm', u16(1)),
        full('iloc', Buffer.concat([u16(0x4400), u16(items.length), ...places]), 1),
        ...(method === 1 ? [box('idat', allData)] : []),
        full('iinf', Buffer.concat([u16(items.length), ...infos])),
        ...(links.length > 0 ? [full('iref', Buffer.concat(links))] : []),
        box(
          'iprp',
          Buffer.concat([
            box('ipco', Buffer.concat(properties)),
            full('ipma', Buffer.concat([u32(items.length), ...owners])),
          ]),
        ),
      ]),
    );
  };
  const ftyp = box('ftyp', Buffer.from('avif\0\0\0\0avifmif1miaf'));
  const meta = makeMeta(ftyp.length + makeMeta(0).length + 8);
  return Buffer.concat([ftyp, meta, box('mdat', allData)]);
}

function ispe(width: number, height: number): Buffer {
  return full('ispe', Buffer.concat([u32(width), u32(height)]));
}

function full(type: string, content: Buffer, version = 0): Buffer {
  return box(type, Buffer.concat([Buffer.from([version, 0, 0, 0]), content]));
}

function box(type: string, content: Buffer): Buffer {
  return Buffer.concat([u32(content.length + 8), Buffer.from(type, 'latin1'), content]);
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
