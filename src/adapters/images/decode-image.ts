import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp';
import { AppError } from '../../lib/app-error.ts';
import { dropPngTexts } from './drop-png-texts.ts';
import {
  DECODE_TIMEOUT_SECONDS,
  LARGE_PIXELS,
  MAX_AVIF_PIXELS,
  MAX_KEPT_SIDE,
  MAX_PIXELS,
  MAX_WHOLE_PIXELS,
} from './image-limits.ts';
import { type ImageTraits, measureImage } from './measure-image.ts';

/** A picture made safe: encoded anew, without metadata, at most 1200 pixels on its longest side. */
export interface DecodedImage extends ImageTraits {
  readonly bytes: Buffer;
  /** WebP when it has transparent parts. */
  readonly contentType: 'image/jpeg' | 'image/webp';
  /** Of the original, turned upright. */
  readonly width: number;
  readonly height: number;
  /** Of `bytes`. */
  readonly sha256: Buffer;
}

const JPEG_QUALITY = 88;
const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif']);

/** A pixel below this opacity shows what is behind it. */
const OPAQUE = 250;
/** A few soft pixels at the edge do not make a picture transparent. */
const MIN_TRANSPARENT_SHARE = 0.005;

/**
 * Decodes a JPEG, PNG, WebP, AVIF or GIF (its first frame). Its kind is read from the bytes, never from a header.
 *
 * @throws AppError `no_usable_picture` for anything else, for broken and for huge pictures.
 */
export async function decodeImage(bytes: Buffer): Promise<DecodedImage> {
  // Before sharp looks: its SVG and PDF readers are never to see what a shop sends.
  if (!isBitmap(bytes)) throw new AppError('no_usable_picture');
  try {
    return await decode(isPng(bytes) ? dropPngTexts(bytes) : bytes);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('no_usable_picture', { cause: error });
  }
}

async function decode(bytes: Buffer): Promise<DecodedImage> {
  const open = () => sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, pages: 1 });
  const metadata = await open().metadata();
  if (!isAllowed(metadata)) throw new AppError('no_usable_picture');
  const read = () => readPixels(open());
  const isLarge = metadata.width * metadata.height > LARGE_PIXELS;
  const { data, info } = await (isLarge ? oneByOne(read) : read());

  const pixels = () => sharp(data, { raw: { width: info.width, height: info.height, channels: 4 } });
  const isTransparent = metadata.hasAlpha && hasTransparentParts(data);
  const encoded = await encode(pixels(), isTransparent);
  return {
    bytes: encoded,
    contentType: isTransparent ? 'image/webp' : 'image/jpeg',
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    sha256: createHash('sha256').update(encoded).digest(),
    ...(await measureImage(pixels)),
  };
}

// Pictures come once: a cache of them is memory for nothing. Two are decoded at a time, which is work for all cores.
sharp.cache(false);
sharp.concurrency(1);

const oneByOne = pLimit(1);

/** RGBA, upright, and no larger than is kept. */
function readPixels(picture: Sharp): Promise<{ data: Buffer; info: OutputInfo }> {
  return picture
    .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
    .autoOrient()
    .resize({ width: MAX_KEPT_SIDE, height: MAX_KEPT_SIDE, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
}

function encode(pixels: Sharp, isTransparent: boolean): Promise<Buffer> {
  if (isTransparent) return pixels.webp({ quality: JPEG_QUALITY }).toBuffer();
  // mozjpeg would save a tenth of the bytes for three times the time.
  return pixels.flatten({ background: '#ffffff' }).jpeg({ quality: JPEG_QUALITY, mozjpeg: false }).toBuffer();
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

function hasTransparentParts(rgba: Buffer): boolean {
  let clear = 0;
  for (let at = 3; at < rgba.length; at += 4) if ((rgba[at] ?? 0) < OPAQUE) clear += 1;
  return clear > (rgba.length / 4) * MIN_TRANSPARENT_SHARE;
}
