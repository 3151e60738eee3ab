import sharp from 'sharp';
import { expect, test } from 'vitest';
import { checkPicture } from './check-picture.ts';

const noise = sharp({
  create: {
    width: 300,
    height: 200,
    channels: 3,
    background: '#000',
    noise: { type: 'gaussian', mean: 128, sigma: 60 },
  },
});
const files = {
  png: await noise.clone().png().toBuffer(),
  jpeg: await noise.clone().jpeg().toBuffer(),
  webp: await noise.clone().webp().toBuffer(),
};

test.each(Object.entries(files))('decodes %s', async (type, bytes) => {
  const checked = await checkPicture(bytes);
  expect(checked).toMatchObject({ contentType: `image/${type}`, width: 300, height: 200 });
  expect(checked.palette.length).toBeGreaterThanOrEqual(3);
});

test('a size is told upright', async () => {
  const turned = await noise.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect(await checkPicture(turned)).toMatchObject({ width: 200, height: 300 });
});

test.each([
  ['half a PNG', files.png.subarray(0, files.png.length / 2)],
  ['half a JPEG', files.jpeg.subarray(0, files.jpeg.length / 2)],
  ['half a WebP', files.webp.subarray(0, files.webp.length / 2)],
  ['a first line only', files.png.subarray(0, 8)],
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('no picture')],
  ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ['a GIF', await noise.clone().gif().toBuffer()],
  [
    'too many pixels',
    await sharp({ create: { width: 8000, height: 5001, channels: 3, background: '#fff' } })
      .png()
      .toBuffer(),
  ],
])('%s is a bad answer', async (_, bytes) => {
  await expect(checkPicture(bytes)).rejects.toMatchObject({ code: 'ai_bad_answer' });
});
