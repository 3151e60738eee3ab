import pLimit from 'p-limit';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { AppError } from '../../lib/app-error.ts';
import { dropPngTexts } from './drop-png-texts.ts';
import {
  DECODE_TIMEOUT_SECONDS,
  LARGE_PIXELS,
  MAX_AVIF_PIXELS,
  MAX_PIXELS,
  MAX_WHOLE_PIXELS,
} from './image-limits.ts';

/** A picture whose head was read and found harmless. */
export interface OpenPicture {
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  /** Its pixels, upright and in sRGB, as a new pipeline each time. */
  pixels(): Sharp;
}

const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif']);

// Pictures come once: a cache of them is memory for nothing. Two are decoded at a time, which is work for all cores.
sharp.cache(false);
sharp.concurrency(1);

/** Decoding takes a core for itself, so these bounds hold for the whole process, not for each page. */
const twoAtOnce = pLimit(2);
const oneByOne = pLimit(1);

/**
 * Reads a JPEG, PNG, WebP, AVIF or GIF (its first frame) when it is its turn. Its kind is read from the bytes, never from a
 * header.
 *
 * @throws AppError `no_usable_picture` for anything else, for broken and for huge pictures.
 */
export async function readPicture<T>(bytes: Buffer, read: (picture: OpenPicture) => Promise<T>): Promise<T> {
  // Before sharp looks: its SVG and PDF readers are never to see what a shop sends.
  if (!isBitmap(bytes)) throw new AppError('no_usable_picture');
  try {
    return await twoAtOnce(async () => {
      const picture = await openPicture(isPng(bytes) ? dropPngTexts(bytes) : bytes);
      const isLarge = picture.metadata.width * picture.metadata.height > LARGE_PIXELS;
      return isLarge ? oneByOne(() => read(picture)) : read(picture);
    });
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('no_usable_picture', { cause: error });
  }
}

async function openPicture(bytes: Buffer): Promise<OpenPicture> {
  const open = () => sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, pages: 1 });
  const metadata = await open().metadata();
  if (!isAllowed(metadata)) throw new AppError('no_usable_picture');
  const pixels = () => open().timeout({ seconds: DECODE_TIMEOUT_SECONDS }).autoOrient().toColourspace('srgb');
  return { bytes, metadata, pixels };
}

function isPng(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n';
}

function isBitmap(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 16).toString('latin1');
  return (
    head.startsWith('\xff\xd8\xff') ||
    isPng(bytes) ||
    head.startsWith('GIF8') ||
    (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') ||
    head.slice(4, 8) === 'ftyp'
  );
}

function isAllowed({ format, compression, isProgressive, width, height }: Metadata): boolean {
  const pixels = width * height;
  if (format === 'heif') return compression === 'av1' && pixels <= MAX_AVIF_PIXELS;
  const isWhole = isProgressive || format === 'webp' || format === 'gif';
  return FORMATS.has(format) && pixels <= (isWhole ? MAX_WHOLE_PIXELS : MAX_PIXELS);
}
