import sharp from 'sharp';
import { AppError } from '../../lib/app-error.ts';
import { pickPalette } from '../images/pick-palette.ts';

const MAX_PIXELS = 16_000_000;
const THUMBNAIL = 64;

/** What a full decode found. */
export interface CheckedPicture {
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  readonly palette: string[];
}

/**
 * Decodes every pixel of a PNG, JPEG or WebP, so that what is stored is known to be a whole picture, and
 * reads its size (upright) and its colours on the way. Throws `ai_bad_answer` for anything else.
 */
export async function checkPicture(bytes: Buffer): Promise<CheckedPicture> {
  const contentType = sniffType(bytes);
  // By its first bytes, before a decoder sees it: only these three may be reached from outside.
  if (contentType === null) throw new AppError('ai_bad_answer', { cause: new Error('not a picture') });
  try {
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' });
    const [{ autoOrient }, thumbnail] = await Promise.all([
      image.metadata(),
      image
        .clone()
        .resize(THUMBNAIL, THUMBNAIL, { fit: 'inside' })
        .flatten({ background: '#ffffff' })
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true }),
    ]);
    return {
      contentType,
      width: autoOrient.width,
      height: autoOrient.height,
      palette: pickPalette(thumbnail.data, thumbnail.info.channels),
    };
  } catch (cause) {
    throw new AppError('ai_bad_answer', { cause });
  }
}

function sniffType(bytes: Buffer): string | null {
  if (bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return 'image/png';
  if (bytes.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex'))) return 'image/jpeg';
  const riff = bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
  return riff ? 'image/webp' : null;
}
