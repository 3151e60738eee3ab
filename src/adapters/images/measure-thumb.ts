import { THUMB_SIDE as SIDE } from './image-limits.ts';
import { pickPalette } from './pick-palette.ts';

/** The properties of an image that a small thumbnail shows. */
export interface ImageTraits {
  /** Difference hash: 64 bits as 16 hex digits. See `hashDistance`. */
  readonly hash: string;
  /**
   * Share (0 to 1) of the frame, the outermost pixels, that has nearly the same color: near 1 for a
   * product on a plain background.
   */
  readonly borderUniformity: number;
  /**
   * Share (0 to 1) of the image that differs from the plain background of its frame: how much of it
   * the product fills. Null if the frame is not plain, because then the share is unknown.
   */
  readonly subjectShare: number | null;
  /**
   * Mean of all pixels. Distinguishes images with the same shapes in other colors. See `isAlike`.
   */
  readonly meanColor: Color;
  /** 3 to 5 distinct colors as "#rrggbb", the most used first. */
  readonly palette: readonly string[];
  /** Entropy of the brightness in bits: 0 for one plain color, at most 8. */
  readonly entropy: number;
}

/** Each from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** The width of the frame: the pixels at the edge of a thumbnail, where its background shows. */
const FRAME = 2;
/**
 * Two colors of a frame within this RGB distance look the same, even with JPEG noise or soft
 * shadows.
 */
const FRAME_TOLERANCE = 24;
/** A frame is plain if at least this share of it has one color. */
const PLAIN_FRAME = 0.8;

/**
 * Measures a thumbnail of `THUMB_SIDE` x `THUMB_SIDE` pixels in RGBA. Transparent parts count as
 * white, and do not count for the palette. Uses flat byte arrays, because it runs once for each
 * candidate image.
 */
export function measureThumb(thumb: Buffer): ImageTraits {
  const pixels = Math.floor(thumb.length / 4);
  const rgb = new Uint8Array(pixels * 3);
  const grey = new Uint8Array(pixels);
  /** The colors of the pixels that are not transparent, for the palette. */
  const opaque = new Uint8Array(pixels * 3);
  let opaqueLength = 0;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const alpha = (thumb[pixel * 4 + 3] ?? 0) / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      const value = thumb[pixel * 4 + channel] ?? 0;
      rgb[pixel * 3 + channel] = Math.round(value * alpha + 255 * (1 - alpha));
    }
    const red = rgb[pixel * 3] ?? 0;
    const green = rgb[pixel * 3 + 1] ?? 0;
    const blue = rgb[pixel * 3 + 2] ?? 0;
    // Brightness as defined by ITU-R BT.601.
    grey[pixel] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    if (alpha > 0.5) {
      opaque[opaqueLength] = red;
      opaque[opaqueLength + 1] = green;
      opaque[opaqueLength + 2] = blue;
      opaqueLength += 3;
    }
  }
  return {
    hash: differenceHash(grey),
    ...measureBackground(rgb),
    meanColor: mean(rgb),
    palette: pickPalette(opaque.subarray(0, opaqueLength), 3),
    entropy: entropy(grey),
  };
}

/** Returns how many of the 64 bits of two hashes differ. */
export function hashDistance(a: string, b: string): number {
  let differing = BigInt(`0x${a}`) ^ BigInt(`0x${b}`);
  let count = 0;
  for (; differing > 0n; differing &= differing - 1n) count += 1;
  return count;
}

/**
 * Whether two images have the same shapes in the same colors: at most `hash` bits differ, and their
 * mean colors have at most the RGB distance `color`. The hash alone ignores colors, so a red and a
 * blue version of a product would be equal.
 */
export function isAlike(
  a: Pick<ImageTraits, 'hash' | 'meanColor'>,
  b: Pick<ImageTraits, 'hash' | 'meanColor'>,
  within: { readonly hash: number; readonly color: number },
): boolean {
  return hashDistance(a.hash, b.hash) <= within.hash && distance(a.meanColor, b.meanColor) <= within.color;
}

/** One bit for each pair of neighbors in 8 rows of 9 fields: whether the left one is brighter. */
function differenceHash(grey: Uint8Array): string {
  const field = (row: number, column: number): number => {
    const [top, bottom] = [Math.floor((row * SIDE) / 8), Math.ceil(((row + 1) * SIDE) / 8)];
    const [left, right] = [Math.floor((column * SIDE) / 9), Math.ceil(((column + 1) * SIDE) / 9)];
    let sum = 0;
    for (let y = top; y < bottom; y += 1)
      for (let x = left; x < right; x += 1) sum += grey[y * SIDE + x] ?? 0;
    return Math.round(sum / ((bottom - top) * (right - left)));
  };
  let hash = 0n;
  for (let row = 0; row < 8; row += 1) {
    for (let column = 0; column < 8; column += 1) {
      hash = (hash << 1n) | (field(row, column) > field(row, column + 1) ? 1n : 0n);
    }
  }
  return hash.toString(16).padStart(16, '0');
}

/** Takes the median color of the frame as the background: outliers do not change it. */
function measureBackground(rgb: Uint8Array): Pick<ImageTraits, 'borderUniformity' | 'subjectShare'> {
  const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((channel) => {
    const sorted = FRAME_PIXELS.map((pixel) => rgb[pixel * 3 + channel] ?? 0).sort();
    return sorted[sorted.length >> 1] ?? 0;
  });
  const backgroundShare = (pixels: Uint16Array) => {
    let count = 0;
    for (const pixel of pixels) {
      const r = (rgb[pixel * 3] ?? 0) - red;
      const g = (rgb[pixel * 3 + 1] ?? 0) - green;
      const b = (rgb[pixel * 3 + 2] ?? 0) - blue;
      if (r * r + g * g + b * b <= FRAME_TOLERANCE ** 2) count += 1;
    }
    return count / pixels.length;
  };
  const borderUniformity = backgroundShare(FRAME_PIXELS);
  return {
    borderUniformity,
    subjectShare: borderUniformity >= PLAIN_FRAME ? 1 - backgroundShare(ALL_PIXELS) : null,
  };
}

/** The indexes of all pixels, row by row, and of the pixels in the frame. */
const ALL_PIXELS = Uint16Array.from({ length: SIDE * SIDE }, (_, at) => at);
const FRAME_PIXELS = ALL_PIXELS.filter((at) => {
  const [row, column] = [Math.floor(at / SIDE), at % SIDE];
  return Math.min(row, column, SIDE - 1 - row, SIDE - 1 - column) < FRAME;
});

function mean(rgb: Uint8Array): Color {
  const sums: [number, number, number] = [0, 0, 0];
  for (let at = 0; at + 2 < rgb.length; at += 3) {
    sums[0] += rgb[at] ?? 0;
    sums[1] += rgb[at + 1] ?? 0;
    sums[2] += rgb[at + 2] ?? 0;
  }
  const [red, green, blue] = sums;
  const pixels = rgb.length / 3;
  return [red / pixels, green / pixels, blue / pixels];
}

function entropy(grey: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const value of grey) counts[value] = (counts[value] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / grey.length) * Math.log2(count / grey.length);
  return Math.max(0, bits);
}

function distance(a: Color, b: Color): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
