import sharp, { type Metadata } from 'sharp';
import { MAX_PIXELS } from './image-limits.ts';

const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);
const ROWS = 100;
const COLUMNS = 16;
/** Of 100 rows, the number that may be missing. */
const MAX_MISSING_ROWS = 5;
/** The value that libjpeg writes for missing data, and how far resizing may change it. */
const MISSING = 128;
const TOLERANCE = 2;

/**
 * Whether a JPEG that ends too early can be used, as browsers do. A baseline JPEG may lack at most
 * its last twentieth. A progressive one may lack only its end marker: missing data would blur it.
 */
export async function isNearlyWhole(
  jpeg: Buffer,
  { isProgressive, channels }: Pick<Metadata, 'isProgressive' | 'channels'>,
): Promise<boolean> {
  // Missing data looks different with four channels, which JPEGs for print have.
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

/** Counts from the last row upwards. */
function countMissingRows(pixels: Buffer, rowBytes: number): number {
  let rows = 0;
  for (let end = pixels.length; end > 0; end -= rowBytes) {
    const row = pixels.subarray(end - rowBytes, end);
    if (!row.every((value) => Math.abs(value - MISSING) <= TOLERANCE)) return rows;
    rows += 1;
  }
  return rows;
}
