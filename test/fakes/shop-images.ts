import sharp from 'sharp';
import { hashOf } from './shop-pages.ts';

/** Shared by the whole process: benchmarks request the same images from many shops. */
const drawn = new Map<string, Promise<Buffer>>();

/**
 * Draws image `index` (from 1) of a product as an 800 x 800 JPEG, or, for null, the shop's small
 * logo as PNG. Images of a product differ in layout and not only in color, so that no check for
 * near duplicates merges them.
 */
export function drawShopImage(name: string, index: number | null): Promise<Buffer> {
  const key = `${name} ${index}`;
  let image = drawn.get(key);
  if (image === undefined) {
    image = index === null ? drawLogo() : drawProduct(name, index);
    drawn.set(key, image);
  }
  return image;
}

function drawLogo(): Promise<Buffer> {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" fill="#fff"/><circle cx="20" cy="20" r="14" fill="#345"/><rect x="42" y="12" width="70" height="16" fill="#345"/></svg>';
  return sharp(Buffer.from(svg)).png().toBuffer();
}

function drawProduct(name: string, index: number): Promise<Buffer> {
  const hue = hashOf(name) % 360;
  // Different for each image: the positions and looks of its parts.
  const seed = hashOf(`${name}/${index}`);
  const at = (shift: number, range: number): number => (seed >>> shift) % range;
  const color = `hsl(${hue} 60% 45%)`;
  const shapes = Array.from({ length: 3 }, (_, part) => {
    const x = 180 + at(part * 7, 440);
    const y = 180 + at(part * 5 + 3, 440);
    const size = 90 + at(part * 3 + 1, 160);
    const fill = part === 0 ? color : `hsl(${(hue + 40 * part) % 360} 50% ${30 + part * 12}%)`;
    return (index + part) % 2 === 0
      ? `<circle cx="${x}" cy="${y}" r="${size}" fill="${fill}"/>`
      : `<rect x="${x - size}" y="${y - size / 2}" width="${size * 2}" height="${size}" rx="20" fill="${fill}" transform="rotate(${at(11, 180)} ${x} ${y})"/>`;
  });
  // The first image is a studio photo on white; the others have a colored background.
  const ground =
    index === 1
      ? ''
      : `<rect y="${300 + at(2, 380)}" width="800" height="800" fill="hsl(${hue} 20% ${60 + at(6, 25)}%)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800"><rect width="800" height="800" fill="#fafafa"/>${ground}${shapes.join('')}</svg>`;
  return sharp(Buffer.from(svg)).removeAlpha().jpeg({ quality: 85 }).toBuffer();
}
