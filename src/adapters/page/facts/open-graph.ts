import type { CheerioAPI } from 'cheerio';
import type { FoundImage, PageHints, ProductFacts } from '../page-product.ts';
import { elementsOf } from '../parse/page-elements.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import { parsePrice } from './parse-price.ts';
import { toAvailability } from './schema-product.ts';

/** The facts in the meta tags. */
export interface OpenGraphFacts extends ProductFacts {
  /** Whether og:type is a product or there is a price, so this is the page of a product. */
  isProduct: boolean;
  /** The name of the shop. */
  siteName: string | null;
}

/** Reads Open Graph, `product:` and Twitter tags, and the description for search engines. */
export function readOpenGraph($: CheerioAPI, hints: PageHints): OpenGraphFacts {
  const tags = listTags($);
  const first = (...names: readonly string[]) => {
    const value = names
      .map((name) => tags.find((tag) => tag.name === name)?.content)
      .find((content) => content);
    return value ?? '';
  };
  const text = (maxLength: number, ...names: readonly string[]) => toPlainText(first(...names), maxLength);
  const title = text(300, 'og:title', 'twitter:title');
  const siteName = text(100, 'og:site_name');
  const price = parsePrice(first('product:price:amount', 'og:price:amount', 'product:sale_price:amount'), {
    ...hints,
    currency: first('product:price:currency', 'og:price:currency', 'product:sale_price:currency'),
  });
  return {
    title: title === null ? null : dropSiteName(title, siteName),
    description: text(2000, 'og:description', 'twitter:description', 'description'),
    brand: text(100, 'product:brand', 'og:brand'),
    sku: text(100, 'product:retailer_item_id', 'product:sku'),
    gtin: text(100, 'product:ean', 'product:gtin', 'product:upc', 'product:isbn'),
    mpn: text(100, 'product:mfr_part_no'),
    price,
    availability: toAvailability(first('product:availability', 'og:availability')),
    images: listImages(tags),
    siteName,
    isProduct: /(?:^|[.:])product(?:\.item)?$/i.test(first('og:type')) || price !== null,
  };
}

interface Tag {
  name: string;
  content: string;
}

function listTags($: CheerioAPI): Tag[] {
  return elementsOf($)
    .byTag('meta')
    .filter(({ attribs }) => attribs.content !== undefined)
    .slice(0, 500)
    .map(({ attribs }) => {
      const name = (attribs.property ?? attribs.name ?? '').trim().toLowerCase();
      return { name, content: (attribs.content ?? '').trim() };
    });
}

/** Turns "Red shoe | Shop" into "Red shoe" if the page says that the site is called "Shop". */
function dropSiteName(title: string, site: string | null): string {
  if (site === null || !title.toLowerCase().endsWith(site.toLowerCase())) return title;
  const head = title.slice(0, -site.length);
  return /\s[-–—|:•·]\s*$/.test(head) ? head.replace(/\s[-–—|:•·]\s*$/, '') : title;
}

/** The tags that describe an og:image follow it. */
function listImages(tags: readonly Tag[]): FoundImage[] {
  const images: FoundImage[] = [];
  for (const { name, content } of tags) {
    const last = images.at(-1);
    if (
      name === 'og:image' ||
      name === 'og:image:url' ||
      name === 'twitter:image' ||
      name === 'twitter:image:src'
    ) {
      images.push({ url: content, alt: null, width: null, height: null });
    } else if (last !== undefined && name === 'og:image:width')
      last.width = Number.parseInt(content, 10) || null;
    else if (last !== undefined && name === 'og:image:height')
      last.height = Number.parseInt(content, 10) || null;
    else if (last !== undefined && name === 'og:image:alt') last.alt = toPlainText(content, 300);
  }
  return images;
}
