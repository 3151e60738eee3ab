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

/** Longer text in the main part of a page is cut. */
const MAX_TEXT = 500_000;

const GTIN =
  /\b(?:ean|gtin|isbn|upc|barcode)(?:[- ]?(?:8|12|13|14))?(?:[- ]?(?:code|nr\.?|number))? ?[:：-]? ?(\d{12,14}|\d{8})(?!\d)/;

/** The visible facts, and what `choose-facts.ts` needs to weigh them. */
export interface VisibleFacts extends ProductFacts {
  readonly stock: SeenStock;
  /** All prices in the main part of the page, including crossed-out ones. */
  readonly prices: readonly FoundPrice[];
  /**
   * Whether the price is near the heading, in an element whose class or id names a price, with a
   * currency sign.
   */
  readonly isPriceClear: boolean;
  /** The text of the main part of the page, in lower case. */
  readonly text: string;
  /** Short values with a digit in form fields and data attributes; some of them are ids. */
  readonly fields: ReadonlySet<string>;
}

/**
 * Reads the visible facts: the main heading, the price nearest to it, what the page shows about
 * stock, codes, and the images.
 */
export function readVisiblePage($: CheerioAPI, hints: PageHints): VisibleFacts {
  const heading = findHeading($, hints);
  const visits = walkPage($, heading);
  const title = heading === undefined ? null : toPlainText(readNodeText(heading), 300);
  const headingAt = heading === undefined ? -1 : visits.findIndex((visit) => visit.node === heading);
  const text = readMainText(visits);
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

function readMainText(visits: readonly Visit[]): string {
  let text = '';
  for (const visit of visits) {
    if (!visit.isAside && !visit.isHidden && visit.tag === '') text += ` ${textOf(visit)}`;
    if (text.length > MAX_TEXT) break;
  }
  return text.toLowerCase();
}

/**
 * Returns the first h1 that another title of the page contains or names. If no h1 matches, returns
 * the one most like the address. If there is no h1, returns another heading that matches a title.
 */
function findHeading($: CheerioAPI, hints: PageHints): PageNode | undefined {
  const withWords = (nodes: readonly PageNode[], count: number) =>
    nodes
      .slice(0, count)
      .map((node) => ({ node, words: toPlainText(readNodeText(node), 300) ?? '' }))
      .filter(({ words }) => words !== '');
  const headings = withWords(elementsOf($).byTag('h1'), 20);
  // The first heading is often one of the titles, and would then match itself.
  const others = [...hints.titles];
  const itself = others.indexOf(headings[0]?.words ?? '');
  if (itself >= 0) others.splice(itself, 1);
  const titles = others.map((title) => title.toLowerCase());
  const isNamed = makeNameMatcher(others);
  const named =
    headings.find(({ words }) => titles.some((title) => title.includes(words.toLowerCase()))) ??
    headings.find(({ words }) => isNamed(words));
  if (named !== undefined || headings.length > 0)
    return (named ?? findMostLikeAddress(headings, hints.url))?.node;
  return withWords($(OTHER_HEADINGS).toArray(), 60).find(({ words }) => isNamed(words))?.node;
}

/**
 * Returns the heading that shares the most words with the address, or the first one if none does.
 */
function findMostLikeAddress<T extends { words: string }>(
  headings: readonly T[],
  url: string,
): T | undefined {
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

/** Elements with the product's name on pages without an h1. */
const OTHER_HEADINGS =
  'h2, h3, [itemprop~="name"], [class*="product-title"], [class*="product-name"], [class*="productName"], [class*="product_name"]';
