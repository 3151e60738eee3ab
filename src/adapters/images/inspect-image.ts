import { encodeImage } from './copy-image.ts';
import { MAX_HELD_BYTES, THUMB_SIDE } from './image-limits.ts';
import { type ImageTraits, measureThumb } from './measure-thumb.ts';
import { type OpenImage, readImage } from './read-image.ts';

/**
 * What a thumbnail shows about an image: enough to choose by, and cheap, because most images are
 * not chosen.
 */
export interface ImageFacts extends ImageTraits {
  readonly isTransparent: boolean;
  /** Width and height of the original image, turned upright. */
  readonly width: number;
  readonly height: number;
}

/** An image that was measured but is not stored yet. */
export interface InspectedImage extends ImageFacts {
  /** The original image or a smaller version. It is decoded once more if the image is chosen. */
  readonly original: Buffer;
}

/** A thumbnail pixel that is less opaque than this is a hole. A soft edge is not. */
const HOLE = 128;
/** A few holes do not make an image transparent. */
const MIN_TRANSPARENT_SHARE = 0.005;

/** The result of `inspectImage`. */
export interface Inspection {
  readonly facts: ImageFacts;
  /** Replaces the original in memory if that is large, because each page holds twenty images. */
  readonly smaller: Buffer | null;
}

/** Measures an image by its thumbnail. Throws as `readImage` does. */
export function inspectImage(bytes: Buffer): Promise<Inspection> {
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
