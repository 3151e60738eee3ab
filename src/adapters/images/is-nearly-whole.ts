import sharp, { type Metadata } from 'sharp';
import { MAX_PIXELS } from './image-limits.ts';

const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);
const ROWS = 100;
const COLUMNS = 16;
/** Of 100 rows, so many may be missing. */
const MAX_MISSING_ROWS = 5;
/** What libjpeg paints where data is missing, and how far resizing may move it. */
const MISSING = 128;
const TOLERANCE = 2;

/**
 * Whether of a JPEG that ends too early so little is missing that it can be used, as browsers do: at most the last twentieth
 * of a baseline JPEG, nothing but its end marker of a progressive one, which would be blurred.
 */
export async function isNearlyWhole(
  jpeg: Buffer,
  { isProgressive, channels }: Pick<Metadata, 'isProgressive' | 'channels'>,
): Promise<boolean> {
  // Of four channels, as printers have them, missing data looks otherwise.
  if (channels > 3) return false;
  const image = isProgressive
    ? sharp(Buffer.concat([jpeg, END_OF_IMAGE]), { failOn: 'warning', limitInputPixels: MAX_PIXELS })
    : sharp(jpeg, { failOn: 'none', limitInputPixels: MAX_PIXELS });
  const { data, info } = await image
    .resize(COLUMNS, ROWS, { fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return isProgressive || countMissingRows(data, COLUMNS * info.channels) <= MAX_MISSING_ROWS;
}

/** From the last one up. */
function countMissingRows(pixels: Buffer, rowBytes: number): number {
  let rows = 0;
  for (let end = pixels.length; end > 0; end -= rowBytes) {
    const row = pixels.subarray(end - rowBytes, end);
    if (!row.every((value) => Math.abs(value - MISSING) <= TOLERANCE)) return rows;
    rows += 1;
  }
  return rows;
}
