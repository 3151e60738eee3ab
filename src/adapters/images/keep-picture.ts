import type { Sharp } from 'sharp';
import { MAX_KEPT_SIDE, VIEW_SIDE } from './image-limits.ts';
import { type OpenPicture, readPicture } from './read-picture.ts';

/** A picture made safe: encoded anew, without metadata, at most 1200 pixels on its longest side. */
export interface KeptPicture {
  readonly bytes: Buffer;
  /** WebP when it has transparent parts. */
  readonly contentType: 'image/jpeg' | 'image/webp';
}

const QUALITY = 88;

/** Makes our own copy of a picture. Throws as `readPicture` does. */
export async function keepPicture(seen: {
  readonly original: Buffer;
  readonly isTransparent: boolean;
}): Promise<KeptPicture> {
  const { original, isTransparent } = seen;
  const bytes = await readPicture(original, (picture) => encodePicture(picture, isTransparent));
  return { bytes, contentType: isTransparent ? 'image/webp' : 'image/jpeg' };
}

/** A small JPEG, for a model to look at. Throws as `readPicture` does. */
export function makeView(original: Buffer): Promise<Buffer> {
  return readPicture(original, (picture) => toJpeg(inside(picture, VIEW_SIDE)));
}

/** Encodes a picture as it is kept. */
export function encodePicture(picture: OpenPicture, isTransparent: boolean): Promise<Buffer> {
  const pixels = inside(picture, MAX_KEPT_SIDE);
  return isTransparent ? pixels.webp({ quality: QUALITY }).toBuffer() : toJpeg(pixels);
}

function inside(picture: OpenPicture, side: number): Sharp {
  return picture.pixels().resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
}

function toJpeg(pixels: Sharp): Promise<Buffer> {
  // mozjpeg would save a tenth of the bytes for three times the time, optimal Huffman tables some of them for twice.
  const options = { quality: QUALITY, mozjpeg: false, optimiseCoding: false };
  return pixels.flatten({ background: '#ffffff' }).jpeg(options).toBuffer();
}
