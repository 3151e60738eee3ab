import type { CheerioAPI } from 'cheerio';
import type { CandidateImage } from '../page-product.ts';
import { elementsOf } from '../parse/page-elements.ts';
import type { Source } from './choose-facts.ts';
import { parseAddress } from './parse-address.ts';

const MAX_IMAGES = 20;
const MAX_ADDRESS_LENGTH = 2048;

/**
 * Returns the images of all sources, the most trusted source first, each once, with absolute
 * addresses. An image without alternative text gets that of a later source. `url` is the address of
 * the page.
 */
export function listImages($: CheerioAPI, sources: readonly Source[], url: string): CandidateImage[] {
  const base = findBase($, url);
  const images = new Map<string, CandidateImage>();
  for (const [source, facts] of sources) {
    for (const [position, image] of facts.images.entries()) {
      const address = toWebAddress(image.url, base);
      if (address === undefined || /\.svgz?$/i.test(new URL(address).pathname)) continue;
      const known = images.get(address);
      if (known === undefined) images.set(address, { ...image, url: address, source, position });
      else known.alt ??= image.alt;
    }
  }
  return [...images.values()].slice(0, MAX_IMAGES);
}

/**
 * Returns the base of relative addresses. Ignores a base with a `data:` or `javascript:` address,
 * as browsers do.
 */
function findBase($: CheerioAPI, url: string): string {
  const bases = elementsOf($).byTag('base');
  const href = bases.find(({ attribs }) => attribs.href !== undefined)?.attribs.href;
  const base = parseAddress(href ?? '', url);
  return base === null || base.protocol === 'javascript:' || base.protocol === 'data:' ? url : base.href;
}

function toWebAddress(address: string, base: string): string | undefined {
  const url = parseAddress(address, base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  url.hash = '';
  return url.href.length <= MAX_ADDRESS_LENGTH ? url.href : undefined;
}
