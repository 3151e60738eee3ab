import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { copyImage } from './copy-image.ts';
import { inspectImage } from './inspect-image.ts';
import { hashDistance } from './measure-thumb.ts';

/** A red box in the middle of a white ground. */
function box(width: number, height: number, background = '#ffffff') {
  const inner = { width: width >> 1, height: height >> 1, channels: 3 as const, background: '#d02020' };
  return sharp({ create: { width, height, channels: 4, background } }).composite([
    { input: { create: inner } },
  ]);
}

/** Measures an image and makes our own copy, as for an image that is chosen. */
async function decode(bytes: Buffer) {
  const { facts, smaller } = await inspectImage(bytes);
  return { ...facts, ...(await copyImage(smaller ?? bytes, facts.isTransparent)) };
}

describe('an image', () => {
  test.each(['jpeg', 'png', 'webp', 'avif', 'gif'] as const)('reads %s', async (format) => {
    const image = await decode(await box(400, 300).toFormat(format).toBuffer());
    expect(image).toMatchObject({ contentType: 'image/jpeg', width: 400, height: 300 });
    expect(await sharp(image.bytes).metadata()).toMatchObject({ format: 'jpeg', width: 400, height: 300 });
    expect(image.hash).toMatch(/^[\da-f]{16}$/);
    expect(image.borderUniformity).toBeGreaterThan(0.95);
    expect(image.palette.length).toBeGreaterThanOrEqual(3);
    expect(image.palette.length).toBeLessThanOrEqual(5);
    expect(image.palette[0]).toMatch(/^#f[a-f\d]f[a-f\d]f[a-f\d]$/);
  });

  test.each(['cmyk', 'b-w', 'rgb16'] as const)('converts %s to sRGB', async (colourspace) => {
    const bytes = await box(200, 200)
      .flatten()
      .toColourspace(colourspace)
      .toFormat(colourspace === 'rgb16' ? 'png' : 'jpeg')
      .toBuffer();
    const image = await decode(bytes);
    expect(await sharp(image.bytes).metadata()).toMatchObject({ space: 'srgb', channels: 3 });
  });

  test('scales large images down, rotates them upright and removes metadata', async () => {
    const bytes = await box(3000, 1500).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const image = await decode(bytes);
    expect(image).toMatchObject({ width: 1500, height: 3000 });
    const kept = await sharp(image.bytes).metadata();
    expect(kept).toMatchObject({ width: 600, height: 1200 });
    expect(kept.orientation).toBeUndefined();
    expect(kept.exif).toBeUndefined();
  });

  test('keeps transparency, and drops an opaque alpha channel', async () => {
    const clear = await decode(await box(200, 200, '#00000000').png().toBuffer());
    expect(clear.contentType).toBe('image/webp');
    expect((await sharp(clear.bytes).metadata()).hasAlpha).toBe(true);
    expect(clear.palette[0]).toMatch(/^#[cd]/);
    const opaque = await decode(await box(200, 200).png().toBuffer());
    expect(opaque.contentType).toBe('image/jpeg');
  });

  test('gives similar images similar hashes, and a plain image no entropy', async () => {
    const [large, small, other] = await Promise.all([
      decode(await box(900, 600).jpeg().toBuffer()),
      decode(await box(300, 200).webp({ quality: 40 }).toBuffer()),
      decode(
        await sharp({
          create: {
            width: 300,
            height: 200,
            channels: 3,
            background: '#fff',
            noise: { type: 'gaussian', mean: 128, sigma: 60 },
          },
        })
          .png()
          .toBuffer(),
      ),
    ]);
    expect(hashDistance(large.hash, small.hash)).toBeLessThanOrEqual(5);
    expect(hashDistance(large.hash, other.hash)).toBeGreaterThan(10);
    expect(other.borderUniformity).toBeLessThan(0.9);
    const plain = await decode(
      await sharp({ create: { width: 200, height: 200, channels: 3, background: '#3366cc' } })
        .png()
        .toBuffer(),
    );
    expect(plain.entropy).toBe(0);
    expect(plain.palette).toHaveLength(3);
  });

  test.each([false, true])('reads a JPEG without its end marker (progressive: %j)', async (progressive) => {
    const jpeg = await box(400, 300).jpeg({ progressive }).toBuffer();
    expect(await decode(jpeg.subarray(0, -2))).toMatchObject({ width: 400, height: 300 });
  });

  test('reads a JPEG without its last lines, but not one without more', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const create = { width: 600, height: 600, channels: 3 as const, background: '#fff', noise };
    const [baseline, progressive] = await Promise.all([
      sharp({ create }).jpeg().toBuffer(),
      sharp({ create }).jpeg({ progressive: true }).toBuffer(),
    ]);
    const share = (jpeg: Buffer, part: number) => jpeg.subarray(0, jpeg.length * part);
    expect(await decode(share(baseline, 0.97))).toMatchObject({ width: 600, contentType: 'image/jpeg' });
    for (const cut of [share(baseline, 0.9), share(progressive, 0.97), share(progressive, 0.5)]) {
      await expect(decode(cut)).rejects.toMatchObject({ code: 'no_usable_picture' });
    }
  });

  test('reads images of 25 million pixels in every format', async () => {
    const flat = sharp({ create: { width: 5000, height: 5000, channels: 3, background: '#3366cc' } });
    for (const bytes of [
      await flat.clone().jpeg({ progressive: true }).toBuffer(),
      await flat.clone().png({ progressive: true }).toBuffer(),
      await flat.clone().webp({ effort: 0 }).toBuffer(),
    ])
      expect(await decode(bytes)).toMatchObject({ width: 5000, height: 5000 });
  });

  test('rejects SVG, broken, truncated, huge and other files', async () => {
    const jpeg = await box(400, 300).jpeg().toBuffer();
    const huge = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    const files = [
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"/>'),
      Buffer.from('%PDF-1.7'),
      Buffer.alloc(0),
      jpeg.subarray(0, jpeg.length >> 1),
      Buffer.concat([jpeg.subarray(0, 4), Buffer.alloc(500, 7)]),
      huge,
      await box(100, 100).tiff().toBuffer(),
    ];
    for (const bytes of files)
      await expect(decode(bytes)).rejects.toMatchObject({ code: 'no_usable_picture' });
  });
});
