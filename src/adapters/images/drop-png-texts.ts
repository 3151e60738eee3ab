import { AppError } from '../../lib/app-error.ts';

const SIGNATURE_BYTES = 8;
/** Length, kind and checksum of a chunk. */
const FRAME_BYTES = 12;
/** Texts, compressed or not: they do not change the image. */
const TEXTS: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt']);
const PROFILE = 'iCCP';
/** Profiles of screens and cameras have some kilobytes; like texts they are compressed, up to a thousand times. */
const MAX_PROFILE_BYTES = 16 * 1024;
/** 10 MB in the chunks of 8 KB that libpng writes are 1,280. */
const MAX_CHUNKS = 10_000;

/**
 * A PNG without its texts and without a color profile that is too large to be one: decoders unpack both, and some
 * kilobytes of them can hold hundreds of megabytes. What is broken is left for the decoder to refuse. Linear time.
 *
 * @throws AppError `no_usable_picture` for more than 10,000 chunks.
 */
export function dropPngTexts(png: Buffer): Buffer {
  const parts = [png.subarray(0, SIGNATURE_BYTES)];
  let chunks = 0;
  let at = SIGNATURE_BYTES;
  while (at + FRAME_BYTES <= png.length) {
    chunks += 1;
    if (chunks > MAX_CHUNKS) throw new AppError('no_usable_picture');
    const length = png.readUInt32BE(at);
    const kind = png.toString('latin1', at + 4, at + 8);
    const end = at + FRAME_BYTES + length;
    const isDropped = TEXTS.has(kind) || (kind === PROFILE && length > MAX_PROFILE_BYTES);
    if (!isDropped) parts.push(png.subarray(at, end));
    at = end;
    // What follows it is no part of the image.
    if (kind === 'IEND') break;
  }
  return parts.length === chunks + 1 ? png.subarray(0, at) : Buffer.concat(parts);
}
