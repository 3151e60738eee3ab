import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { dropPngTexts } from './drop-png-texts.ts';

const SIGNATURE_BYTES = 8;
const HEAD_BYTES = 33;

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}

async function makePng(...chunks: readonly Buffer[]) {
  const png = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#c22' } })
    .withIccProfile('p3')
    .png()
    .toBuffer();
  return { png, with: Buffer.concat([png.subarray(0, HEAD_BYTES), ...chunks, png.subarray(HEAD_BYTES)]) };
}

test('removes texts and huge profiles, and keeps the image, its color profile and its checksums', async () => {
  const packed = deflateSync(Buffer.alloc(100_000));
  const made = await makePng(
    chunk('tEXt', Buffer.from('Comment\0hello')),
    chunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), packed])),
    chunk('iTXt', Buffer.from('Comment\0\0\0\0\0hello')),
    chunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), Buffer.alloc(20_000)])),
  );
  expect(dropPngTexts(made.with).equals(made.png)).toBe(true);
  expect((await sharp(dropPngTexts(made.with)).metadata()).hasProfile).toBe(true);
});

test('keeps the readable part of a file that ends within a chunk or has wrong lengths', async () => {
  const { png } = await makePng();
  expect(dropPngTexts(png.subarray(0, 50)).length).toBeLessThanOrEqual(50);
  const liar = Buffer.from(png);
  liar.writeUInt32BE(0xffffffff, SIGNATURE_BYTES);
  expect(dropPngTexts(liar).equals(liar)).toBe(true);
  expect(dropPngTexts(Buffer.alloc(0)).length).toBe(0);
});

test('rejects a PNG with more than 10,000 chunks, and drops data after its end', async () => {
  const { png } = await makePng();
  const chunk = Buffer.from('00000000746553740000000000', 'hex').subarray(0, 12);
  const head = png.subarray(0, SIGNATURE_BYTES + 25);
  const rest = png.subarray(SIGNATURE_BYTES + 25);
  const many = (count: number) => Buffer.concat([head, ...Array<Buffer>(count).fill(chunk), rest]);
  expect(() => dropPngTexts(many(10_000))).toThrow(expect.objectContaining({ code: 'no_usable_picture' }));
  expect(dropPngTexts(many(9000)).equals(many(9000))).toBe(true);
  expect(dropPngTexts(Buffer.concat([png, Buffer.alloc(1_000_000)])).equals(png)).toBe(true);
});
