type Rgb = readonly [number, number, number];

const MAX_COLORS = 5;
const MIN_COLORS = 3;

/**
 * Returns the 3 to 5 main colors of raw 8-bit pixels as `#rrggbb`, the most used first. `channels`
 * is 3, 4 (alpha is ignored) or 1 (gray). Counts pixels in a grid with 16 steps per channel, and
 * merges near neighbors. If an image has fewer colors, adds darker and lighter shades of the first.
 */
export function pickPalette(pixels: Uint8Array, channels: number): string[] {
  const ranked = countColors(pixels, channels);
  // Prefer clearly different colors. An image in one tone gets finer steps.
  for (const distance of [90, 50, 25]) {
    const picked = pickApart(ranked, distance);
    if (picked.length >= MIN_COLORS || distance === 25) return fillUp(picked).map(toHex);
  }
  return [];
}

function countColors(pixels: Uint8Array, channels: number): Rgb[] {
  /** For each bin, the number of pixels and the sums of red, green and blue. */
  const bins = new Map<number, [count: number, r: number, g: number, b: number]>();
  for (let at = 0; at + channels <= pixels.length; at += channels) {
    const r = pixels[at] ?? 0;
    const g = channels < 3 ? r : (pixels[at + 1] ?? 0);
    const b = channels < 3 ? r : (pixels[at + 2] ?? 0);
    const key = ((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4);
    const bin = bins.get(key);
    if (bin === undefined) bins.set(key, [1, r, g, b]);
    else {
      bin[0] += 1;
      bin[1] += r;
      bin[2] += g;
      bin[3] += b;
    }
  }
  return [...bins.values()]
    .sort(([one], [other]) => other - one)
    .map(([count, r, g, b]) => [r / count, g / count, b / count] as const);
}

function pickApart(ranked: readonly Rgb[], distance: number): Rgb[] {
  const picked: Rgb[] = [];
  for (const color of ranked) {
    if (picked.length === MAX_COLORS) break;
    if (picked.every((other) => distanceOf(color, other) >= distance)) picked.push(color);
  }
  return picked;
}

/**
 * The "redmean" distance: close to human perception and cheap (Riemersma,
 * https://www.compuphase.com/cmetric.htm).
 */
function distanceOf(one: Rgb, other: Rgb): number {
  const red = (one[0] + other[0]) / 2;
  const [r, g, b] = [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
  return Math.sqrt((2 + red / 256) * r * r + 4 * g * g + (2 + (255 - red) / 256) * b * b);
}

function fillUp(picked: readonly Rgb[]): Rgb[] {
  const first = picked[0] ?? [128, 128, 128];
  const darker = first.map((value) => value * 0.5) as unknown as Rgb;
  const lighter = first.map((value) => value + (255 - value) * 0.6) as unknown as Rgb;
  const filled = picked.length === 0 ? [first] : [...picked];
  for (const shade of [darker, lighter]) if (filled.length < MIN_COLORS) filled.push(shade);
  return filled;
}

function toHex(color: Rgb): string {
  return `#${color.map((value) => Math.round(value).toString(16).padStart(2, '0')).join('')}`;
}
