import sharp, { type Metadata, type Sharp } from 'sharp';
import { AppError } from '../../lib/app-error.ts';
import { checkAvif } from './check-avif.ts';
import { dropPngTexts } from './drop-png-texts.ts';
import { MAX_AVIF_PIXELS, MAX_PIXELS } from './image-limits.ts';
import { isNearlyWhole } from './is-nearly-whole.ts';

/** An image whose format and size are allowed, by its header. */
export interface OpenImage {
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  /** Returns a new pipeline of its pixels, upright and in sRGB. */
  pixels(): Sharp;
}

const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif']);

/**
 * Reads a JPEG, PNG, WebP, AVIF or GIF (its first frame). Detects the format from the bytes, never
 * from a header. Accepts a JPEG that ends a little too early, and then calls `read` twice. Must run
 * in a decoding process: the bytes are untrusted and the decoders are written in C.
 *
 * @throws AppError `no_usable_picture` for any other format, and for broken and huge images.
 */
export async function readImage<T>(bytes: Buffer, read: (image: OpenImage) => Promise<T>): Promise<T> {
  try {
    const harmless = makeHarmless(bytes);
    const image = await openImage(harmless, 'error');
    try {
      return await read(image);
    } catch (error) {
      const { format } = image.metadata;
      if (format !== 'jpeg' || !(await isNearlyWhole(harmless, image.metadata))) throw error;
      return await read(await openImage(harmless, 'none'));
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('no_usable_picture', { cause: error });
  }
}

/**
 * Returns the bytes, those of a PNG without its texts. Throws if the format is not allowed or an
 * AVIF is too large. Must run before libvips reads the bytes.
 */
function makeHarmless(bytes: Buffer): Buffer {
  const head = bytes.toString('latin1', 0, 12);
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return dropPngTexts(bytes);
  const isAvif = head.slice(4, 8) === 'ftyp';
  if (isAvif) checkAvif(bytes, MAX_AVIF_PIXELS);
  const isWebp = head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP';
  if (isAvif || isWebp || head.startsWith('\xff\xd8\xff') || head.startsWith('GIF8')) return bytes;
  throw new AppError('no_usable_picture');
}

async function openImage(bytes: Buffer, failOn: 'error' | 'none'): Promise<OpenImage> {
  const open = () => sharp(bytes, { failOn, limitInputPixels: MAX_PIXELS, pages: 1 });
  const metadata = await open().metadata();
  if (!isAllowed(metadata)) throw new AppError('no_usable_picture');
  return { bytes, metadata, pixels: () => open().autoOrient().toColourspace('srgb') };
}

function isAllowed({ format, compression, width, height }: Metadata): boolean {
  const pixels = width * height;
  if (format === 'heif') return compression === 'av1' && pixels <= MAX_AVIF_PIXELS;
  return FORMATS.has(format) && pixels <= MAX_PIXELS;
}
