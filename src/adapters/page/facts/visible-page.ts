import type { CheerioAPI } from 'cheerio';
import type { FoundPrice, PageHints, ProductFacts } from '../page-product.ts';
import { elementsOf } from '../parse/page-elements.ts';
import { readNodeText } from '../parse/read-node-text.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import { type PageNode, textOf, type Visit, walkPage } from '../parse/walk-page.ts';
import { findStock, type SeenStock } from './find-availability.ts';
import { findBrand } from './find-brand.ts';
import { findCode } from './find-code.ts';
import { findPrice } from './find-price.ts';
import { makeNameMatcher } from './match-name.ts';
import { findPageImages } from './page-images.ts';

const MAX_TEXT = 500_000;

const GTIN =
  /\b(?:ean|gtin|isbn|upc|barcode)(?:[- ]?(?:8|12|13|14))?(?:[- ]?(?:code|nr\.?|number))? ?[:：-]? ?(\d{12,14}|\d{8})(?!\d)/;

/** What a shopper sees, and what the rules of choice need to know of it. */
export interface VisibleFacts extends ProductFacts {
  readonly stock: SeenStock;
  /** Every price outside the page's asides, crossed-out ones too. */
  readonly prices: readonly FoundPrice[];
  /** Its price stands near the heading, is called one and has a sign of money. */
  readonly isPriceClear: boolean;
  /** The words outside the page's asides, in lower case. */
  readonly text: string;
  /** Short values of fields and data attributes that hold a number: ids among them. */
  readonly fields: ReadonlySet<string>;
}

/** What a shopper sees: the main heading, the price nearest to it, whether it can be bought, the images. */
export function readVisiblePage($: CheerioAPI, hints: PageHints): VisibleFacts {
  const heading = findHeading($, hints);
  const visits = walkPage($, heading);
  const title = heading === undefined ? null : toPlainText(readNodeText(heading), 300);
  const headingAt = heading === undefined ? -1 : visits.findIndex((visit) => visit.node === heading);
  const text = listWords(visits);
  const { best, isClear, all } = findPrice(visits, headingAt, hints);
  return {
    title,
    description: null,
    brand: findBrand(visits, headingAt, title ?? hints.titles[0] ?? ''),
    sku: findCode(visits, headingAt),
    gtin: GTIN.exec(text)?.[1] ?? null,
    mpn: null,
    price: best,
    isPriceClear: isClear,
    prices: all,
    availability: null,
    stock: findStock(visits, headingAt),
    text,
    fields: listFields(visits),
    images: findPageImages(visits, headingAt, title ?? hints.titles[0] ?? ''),
  };
}

function listFields(visits: readonly Visit[]): Set<string> {
  const fields = new Set<string>();
  for (const { tag, attributes } of visits) {
    if (tag === '' || fields.size > 20_000) continue;
    for (const name in attributes) {
      const value = attributes[name] ?? '';
      const isField = name === 'value' || (name.startsWith('data-') && /id|sku|code|product|item/.test(name));
      if (isField && value.length >= 4 && value.length <= 40 && /\d/.test(value)) fields.add(value);
    }
  }
  return fields;
}

function listWords(visits: readonly Visit[]): string {
  let text = '';
  for (const visit of visits) {
    if (!visit.isAside && !visit.isHidden && visit.tag === '') text += ` ${textOf(visit)}`;
    if (text.length > MAX_TEXT) break;
  }
  return text.toLowerCase();
}

/** The first h1 whose words are also in the page's title; else another heading that is; else the first h1 with words. */
function findHeading($: CheerioAPI, hints: PageHints): PageNode | undefined {
  const withWords = (nodes: readonly PageNode[], count: number) =>
    nodes
      .slice(0, count)
      .map((node) => ({ node, words: toPlainText(readNodeText(node), 300) ?? '' }))
      .filter(({ words }) => words !== '');
  const headings = withWords(elementsOf($).byTag('h1'), 20);
  // The first heading is one of the hints, and would match itself.
  const others = [...hints.titles];
  const itself = others.indexOf(headings[0]?.words ?? '');
  if (itself >= 0) others.splice(itself, 1);
  const titles = others.map((title) => title.toLowerCase());
  const isNamed = makeNameMatcher(others);
  const named =
    headings.find(({ words }) => titles.some((title) => title.includes(words.toLowerCase()))) ??
    headings.find(({ words }) => isNamed(words));
  if (named !== undefined || headings.length > 0) return (named ?? likeAddress(headings, hints.url))?.node;
  return withWords($(OTHER_HEADINGS).toArray(), 60).find(({ words }) => isNamed(words))?.node;
}

/** Of several headings the one whose words are in the address; the first when none is. */
function likeAddress<T extends { words: string }>(headings: readonly T[], url: string): T | undefined {
  const address = new Set(
    URL.parse(url)
      ?.pathname.toLowerCase()
      .split(/[^a-z0-9]+/),
  );
  const shared = ({ words }: T) =>
    words
      .normalize('NFD')
      .toLowerCase()
      .replace(/\p{M}/gu, '')
      .split(/[^a-z0-9]+/)
      .filter((word) => word.length >= 3 && address.has(word)).length;
  return headings.reduce(
    (best, heading) => (shared(heading) > shared(best) ? heading : best),
    headings[0] as T,
  );
}

/** Where the product's name stands on pages that do not call it a heading. */
const OTHER_HEADINGS =
  'h2, h3, [itemprop~="name"], [class*="product-title"], [class*="product-name"], [class*="productName"], [class*="product_name"]';
