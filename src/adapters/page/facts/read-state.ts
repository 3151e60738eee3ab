import type { CheerioAPI } from 'cheerio';
import { dropInvisible } from '../../../lib/drop-invisible.ts';
import type { FoundImage, FoundPrice, PageHints, ProductFacts } from '../page-product.ts';
import { elementsOf } from '../parse/page-elements.ts';
import { scanJson } from '../parse/scan-json.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import { findCurrency } from './currency.ts';
import { makeNameMatcher } from './match-name.ts';
import { fromNumber, parsePrice } from './parse-price.ts';
import { toAvailability } from './schema-product.ts';

/** For all scripts of a page together. The rest is not read. */
const MAX_SCRIPTS = 8_000_000;
const MAX_OBJECTS = 200_000;

type Item = Readonly<Record<string, unknown>>;

const NAME = ['name', 'title', 'productname', 'displayname', 'itemname', 'producttitle', 'fullname'];
const SKU = [
  'sku',
  'productsku',
  'skuid',
  'skucode',
  'productcode',
  'articlenumber',
  'itemnumber',
  'articlecode',
  'reference',
  'partnumber',
  'productreference',
  'displayreference',
  'productid',
  'itemid',
  'ecommprodid',
  'code',
  'id',
];
const STRONG_SKU = ['sku', 'productsku', 'productcode', 'articlenumber'];
const BRAND = [
  'brand',
  'brandname',
  'productbrand',
  'itembrand',
  'manufacturer',
  'manufacturername',
  'vendor',
  'marca',
];
const PRICE = [
  'price',
  'currentprice',
  'saleprice',
  'finalprice',
  'sellingprice',
  'productprice',
  'specialprice',
  'offerprice',
  'unitprice',
  'priceamount',
];
const CURRENCY = ['currency', 'currencycode', 'pricecurrency', 'productcurrency'];
const GTIN = ['gtin', 'gtin13', 'ean', 'ean13', 'barcode', 'upc', 'gtin14', 'gtin8'];
const STOCK = [
  'availability',
  'stockstatus',
  'instock',
  'isinstock',
  'available',
  'isavailable',
  'productavailability',
  'stock',
];
const IMAGE_KEYS = [
  'image',
  'images',
  'imageurl',
  'mainimage',
  'featuredimage',
  'productimages',
  'pictures',
  'gallery',
];

/**
 * Reads the product from the state that scripts of the page contain: that of frameworks, shop
 * systems and tag managers. Reads it as data and never runs it. Only objects with the name, address
 * or code of the page's product count. Facts that the best object lacks come from the next ones.
 * Returns undefined if there is none.
 */
export function readState($: CheerioAPI, hints: PageHints): ProductFacts | undefined {
  const scored: { item: Item; score: number }[] = [];
  const isNamed = makeNameMatcher(hints.titles);
  const address = wordsOfAddress(hints.url);
  for (const item of listObjects($)) {
    const keys = Object.keys(item);
    if (keys.length < 2 || keys.length > 500) continue;
    const folded = fold(item);
    const score = relevance(folded, isNamed, address);
    if (score >= 6) scored.push({ item: folded, score });
  }
  if (scored.length === 0) return undefined;
  scored.sort((a, b) => b.score - a.score);
  const all = scored.slice(0, 30).map(({ item }) => toFacts(item, hints));
  const joined = { ...(all[0] as ProductFacts) };
  for (const facts of all.slice(1)) {
    joined.brand ??= facts.brand;
    joined.sku ??= facts.sku;
    joined.gtin ??= facts.gtin;
    joined.price ??= facts.price;
    joined.availability ??= facts.availability;
    if (joined.images.length === 0) joined.images = facts.images;
  }
  return joined;
}

/** Attributes in which shops put product data. */
const DATA_ATTRIBUTES = ['data-product', 'data-gtm', 'data-analytics', 'data-product-details'];

function listObjects($: CheerioAPI): Item[] {
  const waiting: unknown[] = [];
  let left = MAX_SCRIPTS;
  const elements = elementsOf($);
  for (const script of elements.byTag('script')) {
    const { src, type = '' } = script.attribs;
    if (src !== undefined || /ld\+json/i.test(type)) continue;
    const text = $(script).text().slice(0, left);
    left -= text.length;
    if (text.length < 30) continue;
    for (const value of readScript(text)) waiting.push(value);
  }
  for (const element of elements.withAttribute(...DATA_ATTRIBUTES).slice(0, 50)) {
    for (const value of Object.values(element.attribs)) {
      if (value.startsWith('{') && value.length < 50_000) waiting.push(...scanJson(value));
    }
  }
  const items: Item[] = [];
  for (let at = 0; at < waiting.length && items.length < MAX_OBJECTS; at += 1) {
    const value = waiting[at];
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) items.push(value as Item);
    for (const part of Object.values(value)) {
      if (typeof part === 'object' && part !== null) waiting.push(part);
    }
  }
  return items;
}

function readScript(text: string): unknown[] {
  const start = text.trimStart()[0];
  if (start === '{' || start === '[') {
    try {
      return [JSON.parse(text)];
    } catch {
      // Not pure JSON, so treat it as a script.
    }
  }
  const found = scanJson(text);
  // JSON.parse("{\"a\": 1}"): state in a string literal.
  for (const [, quoted = ''] of text.matchAll(/JSON\.parse\(\s*("(?:[^"\\\n]|\\.)*")/g)) {
    try {
      found.push(JSON.parse(JSON.parse(quoted) as string));
    } catch {
      // Not a JSON string.
    }
  }
  return found;
}

/**
 * Normalizes keys such as `item_brand` and `itemBrand` to lower case without punctuation. Of equal
 * keys, the first one with a value wins.
 */
function fold(item: Item): Item {
  const folded: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(item)) {
    const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
    if (!(plain in folded) || folded[plain] === null) folded[plain] = value;
  }
  return folded;
}

/**
 * Scores an object; 6 or more means that it is the page's product. It needs a name or code of the
 * page, and typical properties of a product.
 */
function relevance(item: Item, isNamed: (name: string) => boolean, address: ReadonlySet<string>): number {
  const has = (keys: readonly string[]) =>
    keys.some((key) => item[key] !== undefined && item[key] !== null && item[key] !== '');
  const parts =
    (has(PRICE) ? 2 : 0) +
    (has(STRONG_SKU) ? 2 : has(SKU) ? 1 : 0) +
    (has(BRAND) ? 2 : 0) +
    (has(STOCK) ? 1 : 0);
  // Most objects of a page end here, before the expensive part.
  if (parts < 3) return 0;
  const name = textOf(item, NAME);
  const code = textOf(item, SKU)?.toLowerCase() ?? '';
  const known = (name !== null && isNamed(name) ? 3 : 0) + (code.length >= 4 && address.has(code) ? 2 : 0);
  return known === 0 ? 0 : known + parts;
}

function wordsOfAddress(url: string): Set<string> {
  const { pathname, search } = new URL(url);
  return new Set(`${pathname}${search}`.toLowerCase().split(/[^a-z0-9]+/));
}

function toFacts(item: Item, hints: PageHints): ProductFacts {
  const brand = textOf(item, BRAND)?.match(/^(?=.*\p{L}).{2,60}$/u)?.[0] ?? null;
  return {
    title: null,
    description: null,
    brand: brand === null ? null : toPlainText(brand, 100),
    sku: toCode(dropInvisible(readSku(item) ?? '')),
    gtin: textOf(item, GTIN)?.match(/^\d{8,14}$/)?.[0] ?? null,
    mpn: null,
    price: readPrice(item, hints),
    availability: readStock(item),
    images: IMAGE_KEYS.flatMap((key) => readImages(item[key])).slice(0, 20),
  };
}

/** Returns the code, or that of the first variant. Uses a database id only if there is neither. */
function readSku(item: Item): string | null {
  const variants = Array.isArray(item.variants) ? item.variants.filter(isObject) : [];
  const ofVariant = variants[0] === undefined ? null : textOf(variants[0], STRONG_SKU);
  return textOf(item, STRONG_SKU) ?? ofVariant ?? textOf(item, SKU);
}

function toCode(code: string): string | null {
  return code.length <= 40 && /\d/.test(code) && !/\s\S+\s\S+\s/.test(code) ? code : null;
}

function readPrice(item: Item, hints: PageHints): FoundPrice | null {
  for (const key of PRICE) {
    const value = item[key];
    const named = textOf(item, CURRENCY) ?? (isObject(value) ? textOf(fold(value), CURRENCY) : null);
    const currency = findCurrency(named ?? '', hints);
    const amount = isObject(value) ? (value.value ?? value.amount ?? value.current ?? value.price) : value;
    // Some shop systems count in cents. Other keys of the object show which ones.
    const isCents = Number.isInteger(amount) && ('compareatprice' in item || 'pricemin' in item);
    const price =
      typeof amount === 'number'
        ? fromNumber(isCents ? amount / 100 : amount, currency)
        : typeof amount === 'string' && amount.length < 40
          ? parsePrice(amount, { ...hints, currency })
          : null;
    if (price !== null) return price;
  }
  return null;
}

function readStock(item: Item): ProductFacts['availability'] {
  for (const key of STOCK) {
    const value = item[key];
    if (typeof value === 'boolean') return value ? 'InStock' : 'OutOfStock';
    const state = typeof value === 'string' ? toAvailability(value) : null;
    if (state !== null) return state;
  }
  return null;
}

function readImages(value: unknown): FoundImage[] {
  if (Array.isArray(value)) return value.slice(0, 20).flatMap(readImages);
  const url = isObject(value) ? (value.url ?? value.src ?? value.large) : value;
  const isImage =
    typeof url === 'string' && /^(?:https?:)?\/\/?\S+\.(?:jpe?g|png|webp|avif)(?:$|[?&])/i.test(url);
  return isImage ? [{ url, alt: null, width: null, height: null }] : [];
}

/** Returns the first of the keys that has a text, a number, or an object with a name. */
function textOf(item: Item, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = item[key];
    const plain = isObject(value) ? (value.name ?? value.value ?? value.label) : value;
    if (typeof plain === 'number' && Number.isFinite(plain)) return String(plain);
    if (typeof plain === 'string' && plain.trim() !== '' && plain.length < 500) return plain.trim();
  }
  return null;
}

function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
