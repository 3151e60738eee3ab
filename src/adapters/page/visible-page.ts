import type { CheerioAPI } from 'cheerio';
import { findStock, type SeenStock } from './find-availability.ts';
import { findBrand } from './find-brand.ts';
import { findCode } from './find-code.ts';
import { findPageImages } from './page-images.ts';
import type { FoundPrice, PageHints, ProductFacts } from './page-product.ts';
import { parsePrice } from './parse-price.ts';
import { plainText } from './plain-text.ts';
import { isSameName } from './same-name.ts';
import { type PageNode, textOf, type Visit, walkPage } from './walk-page.ts';

/** A price with its words around ("from €12.90 incl. VAT") is shorter than this; longer is running text. */
const MAX_PRICE_TEXT = 40;

const PRICE_NAMES = /price|prix|preis|precio|prezzo|pre[cç]o|prijs|\bcena|hinta|fiyat|amount/;
const NOW_NAMES = /sale|current|final|special|now|actual|main|offer/;
const PER_UNIT =
  /\/ ?\d* ?(?:kg|g|l|ml|m|st|pc|month|mo)\b|per (?:kg|month|unit)|shipping|delivery|save|versand/i;

/** How far the price of a product is from its heading, in nodes. */
const NEAR = 400;
const MAX_TEXT = 500_000;

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

/** What a shopper sees: the main heading, the price nearest to it, whether it can be bought, the pictures. */
export function readVisiblePage($: CheerioAPI, hints: PageHints): VisibleFacts {
  const heading = findHeading($, hints);
  const visits = walkPage($, heading);
  const title = heading === undefined ? null : plainText($(heading).text(), 300);
  const headingAt = heading === undefined ? -1 : visits.findIndex((visit) => visit.node === heading);
  const { best, isClear, all } = findPrices(visits, headingAt, hints);
  return {
    title,
    description: null,
    brand: findBrand(visits, headingAt, title ?? hints.titles[0] ?? ''),
    sku: findCode(visits, headingAt),
    gtin: null,
    mpn: null,
    price: best,
    isPriceClear: isClear,
    prices: all,
    availability: null,
    stock: findStock(visits, headingAt),
    text: listWords(visits),
    fields: listFields(visits),
    images: findPageImages(visits, headingAt, title ?? hints.titles[0] ?? ''),
  };
}

function listFields(visits: readonly Visit[]): Set<string> {
  const fields = new Set<string>();
  for (const { tag, attributes } of visits) {
    if (tag === '' || fields.size > 20_000) continue;
    for (const [name, value] of Object.entries(attributes)) {
      const isField = name === 'value' || (name.startsWith('data-') && /id|sku|code|product|item/.test(name));
      if (isField && value.length >= 4 && value.length <= 40 && /\d/.test(value)) fields.add(value);
    }
  }
  return fields;
}

function listWords(visits: readonly Visit[]): string {
  let text = '';
  for (const visit of visits) {
    if (!visit.isAside && visit.tag === '') text += ` ${textOf(visit)}`;
    if (text.length > MAX_TEXT) break;
  }
  return text.toLowerCase();
}

/** The first h1 whose words are also in the page's title; else another heading that is; else the first h1 with words. */
function findHeading($: CheerioAPI, hints: PageHints): PageNode | undefined {
  const withWords = (selector: string, count: number) =>
    $(selector)
      .slice(0, count)
      .toArray()
      .map((node) => ({ node, words: plainText($(node).text(), 300) ?? '' }))
      .filter(({ words }) => words !== '');
  const headings = withWords('h1', 20);
  const titles = hints.titles.map((title) => title.toLowerCase());
  const named =
    headings.find(({ words }) => titles.some((title) => title.includes(words.toLowerCase()))) ??
    headings.find(({ words }) => hints.titles.some((title) => title !== words && isSameName(title, words)));
  if (named !== undefined || headings.length > 0) return (named ?? headings[0])?.node;
  return withWords(OTHER_HEADINGS, 60).find(({ words }) =>
    hints.titles.some((title) => isSameName(title, words)),
  )?.node;
}

/** Where the product's name stands on pages that do not call it a heading. */
const OTHER_HEADINGS =
  'h2, h3, [itemprop~="name"], [class*="product-title"], [class*="product-name"], [class*="productName"], [class*="product_name"]';

function findPrices(visits: readonly Visit[], headingAt: number, hints: PageHints) {
  const all: FoundPrice[] = [];
  let best: FoundPrice | null = null;
  let isClear = false;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [at, visit] of visits.entries()) {
    if (visit.isAside) continue;
    const isNamed = visit.tag !== '' && PRICE_NAMES.test(visit.names);
    if (!isNamed && visit.tag !== '') continue;
    const text = visit.tag === '' ? textOf(visit) : textBelow(visits, at);
    if (text.length > MAX_PRICE_TEXT || !/\p{Nd}/u.test(text) || PER_UNIT.test(text)) continue;
    const price = parsePrice(text, { ...hints, needsCurrency: !isNamed });
    if (price === null) continue;
    if (all.length < 1000) all.push(price);
    if (visit.isStruck) continue;
    // A screenful is about 300 nodes. What comes before the heading is more often the cart than the price.
    const distance = headingAt < 0 ? at : at > headingAt ? at - headingAt : (headingAt - at) * 3;
    const score =
      (isNamed ? 2 : 0) + (NOW_NAMES.test(visit.names) ? 0.5 : 0) + (price.currency ? 1 : 0) - distance / 300;
    if (score <= bestScore) continue;
    [best, bestScore] = [price, score];
    isClear = isNamed && price.currency !== null && headingAt >= 0 && distance <= NEAR;
  }
  return { best, isClear, all };
}

/** The words below an element that are not crossed out; stops reading when there are too many for a price. */
function textBelow(visits: readonly Visit[], from: number): string {
  const top = visits[from]?.node;
  let text = '';
  for (let at = from + 1; at < visits.length && at < from + 60 && text.length <= MAX_PRICE_TEXT; at += 1) {
    const visit = visits[at];
    if (visit === undefined || !isBelow(visit.node, top)) break;
    if (visit.tag !== '' || visit.isStruck) continue;
    const piece = textOf(visit);
    // Many shops set the cents apart: "49" and ".90".
    const isOneNumber = /^[.,]\d|^[.,]$/.test(piece) || /\d[.,]$/.test(text);
    text = `${text}${isOneNumber ? '' : ' '}${piece}`.trim();
  }
  return text;
}

function isBelow(node: PageNode, top: PageNode | undefined): boolean {
  let above = node.parent;
  for (let level = 0; level < 12 && above !== null; level += 1) {
    if (above === top) return true;
    above = above.parent;
  }
  return false;
}
