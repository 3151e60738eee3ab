import sharp, { type OutputInfo } from 'sharp';
import { MAX_BACKGROUND_BYTES, MAX_BACKGROUND_SIDE, THUMB_SIDE } from './image-limits.ts';
import { hasHoles } from './inspect-image.ts';
import { pickPalette } from './pick-palette.ts';
import { readImage } from './read-image.ts';

/**
 * A background that we encoded without metadata: at most 1536 pixels on its longest side and 2 MB.
 */
export interface Background {
  readonly bytes: Buffer;
  /** WebP when it has transparent parts. */
  readonly contentType: 'image/jpeg' | 'image/webp';
  readonly width: number;
  readonly height: number;
  /** 3 to 5 colors as `#rrggbb`, the most used first. */
  readonly palette: string[];
}

/** Pixels in sRGB, as sharp gives them. */
export interface RawImage {
  readonly data: Buffer;
  readonly info: Pick<OutputInfo, 'width' | 'height' | 'channels'>;
}

const QUALITY = 88;
/** For images that are too large. At the last quality, even noise of 1536 x 1536 fits. */
const LOWER_QUALITIES = [75, 55, 30];

/** Makes a background from an image of an AI service. Throws as `readImage` does. */
export function makeBackground(bytes: Buffer): Promise<Background> {
  return readImage(bytes, async (image) => {
    const side = MAX_BACKGROUND_SIDE;
    const raw = await image
      .pixels()
      .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return encodeBackground(raw);
  });
}

/** Encodes pixels for storage and picks their colors. */
export async function encodeBackground(image: RawImage): Promise<Background> {
  const { width, height, channels } = image.info;
  const pixels = () => sharp(image.data, { raw: { width, height, channels } });
  const thumb = sampleThumb(image);
  const isTransparent = hasHoles(thumb);
  const opaque = () => (channels % 2 === 0 ? pixels().flatten({ background: '#ffffff' }) : pixels());
  const encode = (quality: number) =>
    isTransparent
      ? pixels().webp({ quality }).toBuffer()
      : opaque().jpeg({ quality, optimiseCoding: false }).toBuffer();
  let bytes = await encode(QUALITY);
  for (const quality of LOWER_QUALITIES) {
    if (bytes.length > MAX_BACKGROUND_BYTES) bytes = await encode(quality);
  }
  const contentType = isTransparent ? 'image/webp' : 'image/jpeg';
  return { bytes, contentType, width, height, palette: pickColors(thumb) };
}

/**
 * Returns up to 64 x 64 pixels in RGBA. A sharp pipeline takes longer than these few thousand
 * steps.
 */
function sampleThumb({ data, info: { width, height, channels } }: RawImage): Buffer {
  const [columns, rows] = [Math.min(width, THUMB_SIDE), Math.min(height, THUMB_SIDE)];
  const thumb = Buffer.alloc(columns * rows * 4, 255);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  let to = 0;
  for (let row = 0; row < rows; row += 1) {
    const y = Math.floor(((row + 0.5) * height) / rows);
    for (let column = 0; column < columns; column += 1) {
      const from = (y * width + Math.floor(((column + 0.5) * width) / columns)) * channels;
      thumb[to] = data[from] ?? 0;
      thumb[to + 1] = data[from + green] ?? 0;
      thumb[to + 2] = data[from + blue] ?? 0;
      if (channels % 2 === 0) thumb[to + 3] = data[from + channels - 1] ?? 0;
      to += 4;
    }
  }
  return thumb;
}

/** Transparent parts count as white. */
function pickColors(rgba: Buffer): string[] {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let pixel = 0; pixel * 4 < rgba.length; pixel += 1) {
    const alpha = (rgba[pixel * 4 + 3] ?? 0) / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[pixel * 3 + channel] = Math.round((rgba[pixel * 4 + channel] ?? 0) * alpha + 255 * (1 - alpha));
    }
  }
  return pickPalette(rgb, 3);
}
