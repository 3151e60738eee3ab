import { MAX_HELD_BYTES, THUMB_SIDE } from './image-limits.ts';
import { encodeImage } from './keep-image.ts';
import { type ImageTraits, measureThumb } from './measure-thumb.ts';
import { type OpenImage, readImage } from './read-image.ts';

/** What a thumbnail tells of an image: enough to choose by, and cheap, as most images are not chosen. */
export interface ImageFacts extends ImageTraits {
  readonly isTransparent: boolean;
  /** Of the image as it came, turned upright. */
  readonly width: number;
  readonly height: number;
}

/** An image that was looked at, but not kept yet. */
export interface SeenImage extends ImageFacts {
  /** As it came, or smaller: to be decoded once more if it is chosen. */
  readonly original: Buffer;
}

/** A pixel of the thumbnail that is less opaque than this is a hole. Soft edges are not. */
const HOLE = 128;
/** A few holes do not make an image transparent. */
const MIN_TRANSPARENT_SHARE = 0.005;

/** What came of looking at an image. */
export interface Look {
  readonly facts: ImageFacts;
  /** To be held in place of bytes that are heavy: twenty images are held for each page. */
  readonly smaller: Buffer | null;
}

/** Looks at an image by its thumbnail. Throws as `readImage` does. */
export function lookAtImage(bytes: Buffer): Promise<Look> {
  return readImage(bytes, async (image) => {
    const { metadata } = image;
    const thumb = await image
      .pixels()
      .resize(THUMB_SIDE, THUMB_SIDE, { fit: 'fill' })
      .ensureAlpha()
      .raw()
      .toBuffer();
    const isTransparent = metadata.hasAlpha && hasHoles(thumb);
    const { width, height } = metadata.autoOrient;
    const facts = { isTransparent, width, height, ...measureThumb(thumb) };
    return { facts, smaller: await makeSmaller(bytes, image, isTransparent) };
  });
}

async function makeSmaller(bytes: Buffer, image: OpenImage, isTransparent: boolean): Promise<Buffer | null> {
  if (bytes.length <= MAX_HELD_BYTES) return null;
  return image.bytes.length <= MAX_HELD_BYTES ? image.bytes : encodeImage(image, isTransparent);
}

/** Whether a thumbnail in RGBA is transparent. */
export function hasHoles(rgba: Uint8Array): boolean {
  let holes = 0;
  for (let at = 3; at < rgba.length; at += 4) if ((rgba[at] ?? 0) < HOLE) holes += 1;
  return holes > (rgba.length / 4) * MIN_TRANSPARENT_SHARE;
}
