import type { FoundImage } from '../page-product.ts';
import { listAncestors } from '../parse/list-ancestors.ts';
import { readSrcset, type SrcsetImage } from '../parse/read-srcset.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import type { PageNode, Visit } from '../parse/walk-page.ts';

/** Attributes from which scripts of shops load a larger image, the largest first. */
const LARGE = [
  'data-zoom-image',
  'data-zoom',
  'data-large_image',
  'data-large-image',
  'data-large',
  'data-full',
  'data-original',
  'data-old-hires',
  'data-image',
];
const SETS = ['srcset', 'data-srcset', 'data-lazy-srcset'];
const PLAIN = ['data-lazy-src', 'data-lazy', 'data-src', 'src'];

const NOT_A_PRODUCT =
  /(?:^|[^a-z])(?:logos?|icons?|sprites?|pixel|placeholder|blank|spacer|transparent|badges?|payments?|visa|paypal|flags?|avatars?|loading|loader|spinner|stars?|ratings?|swatch(?:es)?|size-?(?:chart|guide)|captcha|tracking|facebook|twitter|instagram|pinterest|youtube)(?:[^a-z]|$)/i;
const IMAGE_LINK = /\.(?:jpe?g|png|webp|avif|gif)(?:$|\?)/i;

/**
 * Smaller images are icons. But a thumbnail in a gallery may be small and stand for a large image.
 */
const MIN_SIDE = 50;
const MIN_GALLERY_SIDE = 20;
const MAX_FOUND = 60;

/**
 * Returns the images in the main part of the page that may show the product, the most likely first.
 */
export function findPageImages(visits: readonly Visit[], headingAt: number, title: string): FoundImage[] {
  const titleWords = new Set(wordsOf(title));
  const sets: SeenSets = new Map();
  const found: { image: FoundImage; at: number; score: number }[] = [];
  for (const [at, visit] of visits.entries()) {
    if (visit.tag !== 'img' || visit.isAside) continue;
    const image = readImage(visit, sets);
    if (image === undefined || isDecoration(image, visit)) continue;
    const shared = wordsOf(image.alt ?? '').filter((word) => titleWords.has(word)).length;
    const score =
      (visit.isGallery ? 3 : 0) +
      (titleWords.size === 0 ? 0 : (3 * Math.min(shared, titleWords.size)) / titleWords.size) +
      (Math.min(image.width ?? 0, image.height ?? image.width ?? 0) >= 300 ? 1 : 0);
    found.push({ image, at, score });
  }
  const distances = measureRows(found, Math.max(0, headingAt));
  return found
    .map((candidate, index) => ({
      ...candidate,
      score: candidate.score - Math.min(2, (distances[index] ?? 0) / 500),
    }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_FOUND)
    .map(({ image }) => image);
}

/**
 * Returns the distance of each image's row from the heading. Nearby images with the same score are
 * one gallery, and its first image is the main one even if the heading follows the gallery.
 */
function measureRows(found: readonly { at: number; score: number }[], headingAt: number): number[] {
  const distances: number[] = [];
  for (let start = 0; start < found.length; ) {
    let end = start + 1;
    while (end < found.length && isSameRow(found[end - 1], found[end])) end += 1;
    const row = found.slice(start, end).map(({ at }) => Math.abs(at - headingAt));
    const nearest = row.reduce((a, b) => Math.min(a, b));
    for (let index = start; index < end; index += 1) distances.push(nearest);
    start = end;
  }
  return distances;
}

/** In nodes. A slide has about ten. */
const ROW_GAP = 40;

function isSameRow(
  one: { at: number; score: number } | undefined,
  next: { at: number; score: number } | undefined,
): boolean {
  return one !== undefined && next !== undefined && next.score === one.score && next.at - one.at <= ROW_GAP;
}

/** The largest image of each srcset that was read. Images in the same `<picture>` share them. */
type SeenSets = Map<string, SrcsetImage | undefined>;

function readImage({ attributes, node }: Visit, seen: SeenSets): FoundImage | undefined {
  const sets = [...SETS.map((name) => attributes[name]), ...siblingSets(node)];
  const largest = sets
    .map((set) => findLargest(set ?? '', seen))
    .filter((image) => image !== undefined)
    .reduce<SrcsetImage | undefined>(largerOf, undefined);
  const candidates = [
    zoomLink(node),
    ...LARGE.map((name) => attributes[name]),
    largest?.url,
    ...PLAIN.map((name) => attributes[name]),
  ];
  const url = candidates.find((candidate) => candidate !== undefined && isAddress(candidate));
  if (url === undefined) return undefined;
  return {
    // Some themes have a script that fills in the width.
    url: url.trim().replace(/\{width\}/g, '1200'),
    alt: toPlainText(attributes.alt ?? '', 300),
    width: toPixels(attributes.width),
    height: toPixels(attributes.height),
  };
}

function findLargest(set: string, seen: SeenSets): SrcsetImage | undefined {
  if (!seen.has(set)) {
    const images = readSrcset(set).filter(({ url }) => isAddress(url));
    seen.set(set, images.reduce<SrcsetImage | undefined>(largerOf, undefined));
  }
  return seen.get(set);
}

/** Returns the larger image, or `best` if both have the same size. */
function largerOf(best: SrcsetImage | undefined, image: SrcsetImage): SrcsetImage {
  return best === undefined || image.size > best.size ? image : best;
}

function isAddress(text: string): boolean {
  return text.trim() !== '' && !/^\s*(?:data|blob|javascript|about):|^\s*[#{]/i.test(text);
}

/**
 * Limits the nodes of a `<picture>` that are read, because they are read again for each image in
 * it.
 */
const MAX_SIBLINGS = 50;

/** Returns the srcsets of the `<source>` elements in the `<picture>` around an image. */
function siblingSets(node: PageNode): string[] {
  const around = node.parent;
  if (around === null || !('name' in around) || around.name !== 'picture') return [];
  return around.children
    .slice(0, MAX_SIBLINGS)
    .flatMap((child) =>
      'attribs' in child && child.name === 'source'
        ? [child.attribs.srcset ?? child.attribs['data-srcset'] ?? '']
        : [],
    );
}

/** Returns the address of a link around the image, at most three levels up, that opens an image. */
function zoomLink(node: PageNode): string | undefined {
  for (const above of listAncestors(node, 3)) {
    if (!('attribs' in above) || above.name !== 'a') continue;
    const href = above.attribs.href ?? '';
    return IMAGE_LINK.test(href) ? href : undefined;
  }
  return undefined;
}

function isDecoration(image: FoundImage, visit: Visit): boolean {
  const path = image.url.split(/[?#]/, 1)[0] ?? '';
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (/\.(?:svg|ico)$/i.test(file)) return true;
  const minSide = visit.isGallery ? MIN_GALLERY_SIDE : MIN_SIDE;
  if (Math.min(image.width ?? minSide, image.height ?? minSide) < minSide) return true;
  return NOT_A_PRODUCT.test(file) || NOT_A_PRODUCT.test(visit.names);
}

function toPixels(value: string | undefined): number | null {
  const pixels = Number.parseInt(value ?? '', 10);
  return pixels > 0 && !value?.includes('%') ? pixels : null;
}

function wordsOf(text: string): string[] {
  return [...new Set(text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [])];
}
