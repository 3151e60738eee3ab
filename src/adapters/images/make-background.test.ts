import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { makeBackground } from './make-background.ts';

const noise = (width = 300, height = 200) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#000',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  });
const png = await noise().png().toBuffer();

test.each(['png', 'jpeg', 'webp', 'avif', 'gif'] as const)('encodes %s again as a JPEG', async (format) => {
  const background = await makeBackground(await noise().toFormat(format).toBuffer());
  expect(background).toMatchObject({ contentType: 'image/jpeg', width: 300, height: 200 });
  expect(background.palette.length).toBeGreaterThanOrEqual(3);
  expect(await sharp(background.bytes).metadata()).toMatchObject({ format: 'jpeg', width: 300, height: 200 });
});

test('stores an upright image without metadata and without data after its end', async () => {
  const turned = await noise()
    .withMetadata({ orientation: 6, exif: { IFD0: { Copyright: 'SECRET' } } })
    .jpeg()
    .toBuffer();
  const background = await makeBackground(Buffer.concat([turned, Buffer.from('<script>'.repeat(1000))]));
  expect(background).toMatchObject({ width: 200, height: 300 });
  const { exif, orientation } = await sharp(background.bytes).metadata();
  expect([exif, orientation]).toEqual([undefined, undefined]);
  expect(background.bytes.includes('<script>')).toBe(false);
});

test('scales a large image down, and returns the size, type and colors of the stored image', async () => {
  const flat = sharp({ create: { width: 4096, height: 2048, channels: 3, background: '#3366cc' } });
  const background = await makeBackground(await flat.png().toBuffer());
  expect(background).toMatchObject({ contentType: 'image/jpeg', width: 1536, height: 768 });
  expect(background.palette[0]).toMatch(/^#3[2-4]6[5-7]c[b-d]$/);
  expect(await sharp(background.bytes).metadata()).toMatchObject({ width: 1536, height: 768 });
});

test('accepts 4096 x 4096, and stores no image of more than 2 MB', async () => {
  const side = 1536;
  const random = sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } });
  const raw = await random
    .clone()
    .resize(4096, 4096, { kernel: 'nearest' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { bytes, width } = await makeBackground(raw);
  expect(width).toBe(side);
  expect(bytes.length).toBeLessThanOrEqual(2 * 1024 * 1024);
  const holes = await random.ensureAlpha(0.4).png({ compressionLevel: 1 }).toBuffer();
  const transparent = await makeBackground(holes);
  expect(transparent.contentType).toBe('image/webp');
  expect(transparent.bytes.length).toBeLessThanOrEqual(2 * 1024 * 1024);
});

test('keeps transparency as WebP, and drops an opaque alpha channel', async () => {
  const clear = sharp({ create: { width: 300, height: 200, channels: 4, background: '#ff000000' } });
  const spot = { create: { width: 100, height: 100, channels: 4 as const, background: '#00ff00' } };
  const kept = await makeBackground(
    await clear
      .composite([{ input: spot }])
      .png()
      .toBuffer(),
  );
  expect(kept).toMatchObject({ contentType: 'image/webp', width: 300, height: 200 });
  expect(await sharp(kept.bytes).metadata()).toMatchObject({ format: 'webp', hasAlpha: true });
  const opaque = await makeBackground(await noise().ensureAlpha().png().toBuffer());
  expect(opaque.contentType).toBe('image/jpeg');
});

test('uses the first frame of an animation', async () => {
  const [red, green] = await Promise.all(
    ['#ff0000', '#00ff00'].map((background) =>
      sharp({ create: { width: 100, height: 100, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  const bytes = await sharp([red ?? '', green ?? ''], { join: { animated: true } })
    .gif()
    .toBuffer();
  const background = await makeBackground(bytes);
  expect(background).toMatchObject({ contentType: 'image/jpeg', width: 100, height: 100 });
  expect(background.palette[0]).toBe('#ff0000');
});

test.each([
  ['half a PNG', png.subarray(0, png.length / 2)],
  ['a first line only', png.subarray(0, 8)],
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('no image')],
  ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ['a TIFF', await noise().tiff().toBuffer()],
  [
    'too many pixels',
    await sharp({ create: { width: 8000, height: 5001, channels: 3, background: '#fff' } })
      .png()
      .toBuffer(),
  ],
])('rejects %s', async (_, bytes) => {
  await expect(makeBackground(bytes)).rejects.toMatchObject({ code: 'no_usable_picture' });
});
