import { AppError } from '../../lib/app-error.ts';

const SIGNATURE_BYTES = 8;
/** Bytes of the length, type and checksum of a chunk. */
const FRAME_BYTES = 12;
/** Texts, compressed or not. They do not change the image. */
const TEXTS: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt']);
const PROFILE = 'iCCP';
/**
 * Color profiles of screens and cameras have a few kilobytes. Like texts, they are compressed, by a
 * factor of up to a thousand.
 */
const MAX_PROFILE_BYTES = 16 * 1024;
/** libpng writes chunks of 8 KB, so 10 MB are 1,280 chunks. */
const MAX_CHUNKS = 10_000;

/**
 * Returns a PNG without its texts, and without a color profile that is too large to be real:
 * decoders unpack both, and a few kilobytes can unpack to hundreds of megabytes. Leaves broken data
 * for the decoder to refuse. Takes linear time.
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
    // Bytes after IEND are not part of the image.
    if (kind === 'IEND') break;
  }
  return parts.length === chunks + 1 ? png.subarray(0, at) : Buffer.concat(parts);
}
