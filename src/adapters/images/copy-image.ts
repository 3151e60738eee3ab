import type { Sharp } from 'sharp';
import { MAX_COPY_SIDE, VIEW_SIDE } from './image-limits.ts';
import { type OpenImage, readImage } from './read-image.ts';

/** A safe image: encoded again, without metadata, at most 1200 pixels on its longest side. */
export interface ImageCopy {
  readonly bytes: Buffer;
  /** WebP when it has transparent parts. */
  readonly contentType: 'image/jpeg' | 'image/webp';
}

const QUALITY = 88;

/** Makes our own copy of an image. Throws as `readImage` does. */
export async function copyImage(original: Buffer, isTransparent: boolean): Promise<ImageCopy> {
  const bytes = await readImage(original, (image) => encodeImage(image, isTransparent));
  return { bytes, contentType: isTransparent ? 'image/webp' : 'image/jpeg' };
}

/** Makes a small JPEG for a model. Throws as `readImage` does. */
export function makeView(original: Buffer): Promise<Buffer> {
  return readImage(original, (image) => toJpeg(inside(image, VIEW_SIDE)));
}

/** Encodes an image for storage. */
export function encodeImage(image: OpenImage, isTransparent: boolean): Promise<Buffer> {
  const pixels = inside(image, MAX_COPY_SIDE);
  return isTransparent ? pixels.webp({ quality: QUALITY }).toBuffer() : toJpeg(pixels);
}

function inside(image: OpenImage, side: number): Sharp {
  return image.pixels().resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
}

function toJpeg(pixels: Sharp): Promise<Buffer> {
  // mozjpeg would save a tenth of the bytes but take three times as long. Optimal Huffman tables
  // would save part of that and take twice as long.
  const options = { quality: QUALITY, mozjpeg: false, optimiseCoding: false };
  return pixels.flatten({ background: '#ffffff' }).jpeg(options).toBuffer();
}
