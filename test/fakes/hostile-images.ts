import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { forgeFrames, forgeGrid, forgeLargeAlpha, forgeLie } from './forge-avif.ts';

const SVG_BOMB = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">${Array.from(
  { length: 9 },
  (_, i) => `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`,
).join('')}]><svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><text>&j;</text></svg>`;

/** Images that lie about themselves, or contain more than they show. */
const IMAGES: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  good: () => drawing().png().toBuffer(),
  'png-30000': async () => withPngSize(await drawing().png().toBuffer(), 30_000, 30_000),
  'png-max': async () => withPngSize(await drawing().png().toBuffer(), 0x7fffffff, 0x7fffffff),
  // 23 million real pixels in some kilobytes.
  'png-flat': () => makePng(4800, 4800),
  'png-text-bomb': async () => {
    const png = await drawing().png().toBuffer();
    const text = deflateSync(Buffer.alloc(50_000_000, 'x'), { level: 1 });
    const chunk = pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), text]));
    return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
  },
  'gif-bomb': async () => {
    const gif = await drawing().gif().toBuffer();
    // The size of the screen, and that of the frame, which follows its comma.
    const frame = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0])) + 5;
    for (const at of [6, 8, frame, frame + 2]) gif.writeUInt16LE(65_535, at);
    return gif;
  },
  'gif-frames': async () => {
    const gif = await drawing(200).gif({ colours: 16 }).toBuffer();
    // After the header and the color table there is one frame; the last byte ends the file.
    const flags = gif[10] ?? 0;
    const head = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
    return Buffer.concat([
      gif.subarray(0, head),
      ...Array(4000).fill(gif.subarray(head, -1)),
      Buffer.from(';'),
    ]);
  },
  'webp-bomb': async () => {
    const webp = await drawing().webp({ lossless: false }).toBuffer();
    const frame = webp.indexOf(Buffer.from([0x9d, 0x01, 0x2a]));
    webp.writeUInt16LE(16_383, frame + 3);
    webp.writeUInt16LE(16_383, frame + 5);
    return webp;
  },
  'avif-bomb': async () => {
    const avif = await drawing().avif().toBuffer();
    const size = avif.indexOf('ispe') + 8;
    avif.writeUInt32BE(60_000, size);
    avif.writeUInt32BE(60_000, size + 4);
    return avif;
  },
  'jpeg-bomb': async () => {
    const jpeg = await drawing().jpeg().toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(65_500, frame + 5);
    jpeg.writeUInt16BE(65_500, frame + 7);
    return jpeg;
  },
  'jpeg-cut': async () => {
    const jpeg = await drawing().jpeg().toBuffer();
    return jpeg.subarray(0, jpeg.length >> 1);
  },
  'jpeg-head-only': async () => (await drawing().jpeg().toBuffer()).subarray(0, 20),
  'jpeg-scans': makeScans,
  // 870,000 empty chunks: 10 MB.
  'png-chunks': async () => {
    const png = await drawing().png().toBuffer();
    const chunks = Array<Buffer>(870_000).fill(pngChunk('teSt', Buffer.alloc(0)));
    return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
  },
  'avif-large-alpha': forgeLargeAlpha,
  'avif-lie': forgeLie,
  'avif-grid': () => forgeGrid(400),
  'avif-frames': () => forgeFrames(1500),
  svg: () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"><rect/></svg>'),
  'svg-bomb': () => Buffer.from(SVG_BOMB),
  'svg-behind-png': () => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(SVG_BOMB)]),
  tiff: () => drawing().tiff().toBuffer(),
  empty: () => Buffer.alloc(0),
  dot: () =>
    sharp({ create: { width: 1, height: 1, channels: 3, background: '#f00' } })
      .png()
      .toBuffer(),
  strip: () =>
    sharp({ create: { width: 5000, height: 150, channels: 3, background: '#f00' } })
      .png()
      .toBuffer(),
};

/** Whether the shop has an image with this name. */
export function isHostileImage(name: string): boolean {
  return Object.hasOwn(IMAGES, name);
}

/** Returns the bytes of an image. */
export async function drawHostileImage(name: string): Promise<Buffer> {
  const draw = IMAGES[name];
  if (draw === undefined) throw new TypeError(`There is no image "${name}".`);
  return draw();
}

function drawing(side = 500) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="${side}" height="${side}"><rect width="100" height="100" fill="#fff"/><path d="M10 80 L60 20 L90 80 Z" fill="#c22"/><circle cx="30" cy="30" r="12" fill="#227"/></svg>`;
  return sharp(Buffer.from(svg)).removeAlpha();
}

/**
 * A valid progressive JPEG of 16 million pixels with 2,646 scans. Each scan is one bit of one
 * coefficient, all of them zero, and takes a pass over the whole image.
 */
async function makeScans(): Promise<Buffer> {
  const flat = sharp({ create: { width: 4000, height: 4000, channels: 3, background: '#808080' } });
  const jpeg = await flat
    .jpeg({ progressive: true, chromaSubsampling: '4:4:4', optimiseScans: false })
    .toBuffer();
  const marker = (kind: number) => Buffer.from([0xff, kind]);
  const firstTable = jpeg.indexOf(marker(0xc4), jpeg.indexOf(marker(0xda)));
  // The table and the scan of the last pass. Its data only says "all blocks are empty".
  const [table, scan] = [jpeg.lastIndexOf(marker(0xc4)), jpeg.lastIndexOf(marker(0xda))];
  const data = jpeg.subarray(scan + 10, -2);
  const scans: Buffer[] = [];
  for (let bit = 13; bit >= 0; bit -= 1) {
    for (let coefficient = 1; coefficient < 64; coefficient += 1) {
      for (const component of [1, 2, 3]) {
        const bits = ((bit === 13 ? 0 : bit + 1) << 4) | bit;
        const head = [
          0xff,
          0xda,
          0,
          8,
          1,
          component,
          (jpeg[table + 4] ?? 0) & 15,
          coefficient,
          coefficient,
          bits,
        ];
        scans.push(Buffer.from(head), data);
      }
    }
  }
  return Buffer.concat([
    jpeg.subarray(0, firstTable),
    jpeg.subarray(table, scan),
    ...scans,
    jpeg.subarray(-2),
  ]);
}

function pngChunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** Changes only the size in the header. */
function withPngSize(png: Buffer, width: number, height: number): Buffer {
  const head = Buffer.from(png.subarray(16, 29));
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  return Buffer.concat([png.subarray(0, 8), pngChunk('IHDR', head), png.subarray(33)]);
}

/** Makes a black image with one byte per pixel. */
function makePng(width: number, height: number): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  const pixels = deflateSync(Buffer.alloc((width + 1) * height), { level: 1 });
  const parts = [pngChunk('IHDR', head), pngChunk('IDAT', pixels), pngChunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...parts]);
}
