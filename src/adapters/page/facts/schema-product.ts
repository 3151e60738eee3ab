import type { FoundImage, FoundPrice, PageHints, ProductFacts } from '../page-product.ts';
import { toPlainText } from '../parse/to-plain-text.ts';
import { findCurrency } from './currency.ts';
import { parseAddress } from './parse-address.ts';
import { fromNumber, parsePrice } from './parse-price.ts';

type Item = Readonly<Record<string, unknown>>;

const PRODUCT_TYPES: ReadonlySet<string> = new Set([
  'product',
  'productgroup',
  'productmodel',
  'individualproduct',
  'someproducts',
  'book',
  'vehicle',
  'car',
  'videogame',
]);

/** Properties that lead to other products or to something else. */
const OTHER_THINGS: ReadonlySet<string> = new Set([
  'isrelatedto',
  'issimilarto',
  'isaccessoryorsparepartfor',
  'isconsumablefor',
  'isvariantof',
  'hasvariant',
  'itemlistelement',
  'review',
  'reviews',
  'mentions',
]);

/** A page has a few hundred items. The rest of a larger graph is not read. */
const MAX_ITEMS = 5000;
const MAX_GROUPS = 10;
/** Offers of one product, including those in an AggregateOffer. */
const MAX_OFFERS = 1000;
const MAX_IMAGES = 50;
/** Prices of one offer or price specification. */
const MAX_PRICES = 10;

/**
 * Returns the product of a page from its schema.org items (JSON-LD, microdata or RDFa), or
 * undefined. Of several products, prefers the one with the address of the page, then its title,
 * then an offer.
 */
export function readSchemaProduct(values: readonly unknown[], hints: PageHints): ProductFacts | undefined {
  const items = listItems(values);
  const resolve = makeResolver(items);
  const products = items.filter((item) => typesOf(item).some((type) => PRODUCT_TYPES.has(type)));
  const product = pickBest(products, (item) => relevance(item, hints, resolve));
  if (product === undefined) return undefined;
  const groups = itemsOf(product.isVariantOf, resolve).slice(0, MAX_GROUPS);
  const variant = pickBest(
    itemsOf(product.hasVariant, resolve),
    // Of variants that the address does not tell apart, the first that can be bought.
    (item) =>
      relevance(item, hints, resolve) +
      (readAvailability(itemsOf(item.offers, resolve), resolve) === 'InStock' ? 0.5 : 0),
  );
  const facts = toFacts(product, hints, resolve);
  const own = variant === undefined ? facts : joinFacts(facts, toFacts(variant, hints, resolve));
  return fillGaps(own, [...groups, ...findSame(product, products)], hints, resolve);
}

/** Shops describe one product in several blocks: those of the same name or code. */
function findSame(product: Item, products: readonly Item[]): Item[] {
  const [name, sku] = [textOf(product.name)?.toLowerCase(), textOf(product.sku)];
  return products
    .filter((other) => other !== product)
    .filter(
      (other) =>
        (name !== undefined && textOf(other.name)?.toLowerCase() === name) ||
        (sku !== undefined && textOf(other.sku) === sku),
    )
    .slice(0, 10);
}

function fillGaps(
  facts: ProductFacts,
  others: readonly Item[],
  hints: PageHints,
  resolve: Resolver,
): ProductFacts {
  const filled = { ...facts };
  for (const other of others) {
    const more = toFacts(other, hints, resolve);
    for (const key of ['description', 'brand', 'sku', 'gtin', 'mpn'] as const) filled[key] ??= more[key];
    filled.price ??= more.price;
    filled.availability ??= more.availability;
    if (filled.images.length === 0) filled.images = more.images;
  }
  return filled;
}

type Resolver = (item: Item) => Item;

/**
 * Returns items in breadth-first order, so that the items of the page itself precede nested ones.
 */
function listItems(values: readonly unknown[]): Item[] {
  const items: Item[] = [];
  const waiting = [...values];
  for (let at = 0; at < waiting.length && items.length < MAX_ITEMS; at += 1) {
    const value = waiting[at];
    if (Array.isArray(value)) {
      for (const part of value) waiting.push(part);
    } else if (isItem(value)) {
      items.push(value);
      for (const [key, part] of Object.entries(value)) {
        if (typeof part === 'object' && !OTHER_THINGS.has(key.toLowerCase())) waiting.push(part);
      }
    }
  }
  return items;
}

/** In a @graph, items point at each other by @id. */
function makeResolver(items: readonly Item[]): Resolver {
  const byId = new Map<unknown, Item>();
  for (const item of items) {
    if (typeof item['@id'] === 'string' && !isReference(item)) byId.set(item['@id'], item);
  }
  return (item) => (isReference(item) ? (byId.get(item['@id']) ?? item) : item);
}

function isReference(item: Item): boolean {
  // A loop can stop at the first other key. An item may have 100,000 keys.
  for (const key in item) if (key !== '@id' && key !== '@type') return false;
  return true;
}

function pickBest(items: readonly Item[], score: (item: Item) => number): Item | undefined {
  let best: Item | undefined;
  let bestScore = -1;
  for (const item of items.slice(0, 200)) {
    const itemScore = score(item);
    if (itemScore > bestScore) [best, bestScore] = [item, itemScore];
  }
  return best;
}

function relevance(item: Item, hints: PageHints, resolve: Resolver): number {
  const offers = itemsOf(item.offers, resolve);
  const urls = [item.url, item['@id'], ...offers.map((offer) => offer.url)].map((url) => textOf(url));
  const name = textOf(item.name)?.toLowerCase();
  const isNamed = name !== undefined && hints.titles.some((title) => title.toLowerCase().includes(name));
  const address = Math.max(0, ...urls.map((url) => sameAddress(url, hints.url)));
  return 4 * address + (isNamed ? 3 : 0) + (offers.length > 0 ? 2 : 0) + (name !== undefined ? 1 : 0);
}

/** 2: the same address, query and all, which tells variants apart. 1: the same path. */
function sameAddress(url: string | undefined, page: string): 0 | 1 | 2 {
  const named = url === undefined ? null : parseAddress(url, page);
  const own = new URL(page);
  if (named === null || named.pathname !== own.pathname || named.pathname === '/') return 0;
  return named.search === own.search ? 2 : 1;
}

function toFacts(item: Item, hints: PageHints, resolve: Resolver): ProductFacts {
  const offers = pickOffers(itemsOf(item.offers, resolve), hints, resolve);
  const text = (value: unknown, maxLength: number) => toPlainText(textOf(value, resolve) ?? '', maxLength);
  // Thousands of offers may refer to the same text.
  const cleaned = new Map<string, string | null>();
  function first(...keys: readonly string[]): string | undefined {
    for (const part of [item, ...offers]) {
      for (const key of keys) {
        const words = textOf(part[key], resolve) ?? '';
        const value = cleaned.get(words) ?? toPlainText(words, 100);
        if (value !== null) return value;
        cleaned.set(words, value);
      }
    }
    return undefined;
  }
  return {
    title: text(item.name, 300),
    description: text(item.description, 2000),
    brand: text(item.brand, 100) ?? text(item.manufacturer, 100),
    sku: first('sku', 'productID', 'productId') ?? null,
    gtin:
      first('gtin13', 'gtin', 'gtin14', 'gtin12', 'gtin8', 'ean', 'isbn')?.replace(/^[a-z]+:/i, '') ?? null,
    mpn: text(item.mpn, 100),
    price: readFirstPrice(offers, hints, resolve),
    availability: readAvailability(offers, resolve),
    images: [item.image, item.images].flatMap((value) => readImages(value, resolve)),
  };
}

/**
 * A group has the facts that all variants share. The shown variant has its own price, code and
 * images.
 */
function joinFacts(group: ProductFacts, variant: ProductFacts): ProductFacts {
  const joined = { ...group };
  for (const key of ['description', 'brand', 'gtin', 'mpn'] as const) joined[key] ??= variant[key];
  return {
    ...joined,
    title: group.title ?? variant.title,
    sku: variant.sku ?? group.sku,
    price: variant.price ?? group.price,
    availability: variant.availability ?? group.availability,
    images: [...variant.images, ...group.images],
  };
}

/**
 * Returns the offers, including those in an AggregateOffer. If some have the address of the page,
 * returns only these.
 */
function pickOffers(offers: readonly Item[], hints: PageHints, resolve: Resolver): readonly Item[] {
  // Adds each offer once: a list that refers a thousand times to an aggregate of a thousand offers
  // would fill the memory.
  const known = new Set<Item>();
  for (const offer of offers) {
    for (const inner of itemsOf(offer.offers, resolve).slice(0, MAX_OFFERS)) known.add(inner);
    known.add(offer);
    if (known.size >= MAX_OFFERS) break;
  }
  const all = [...known];
  const own = all.filter(
    (offer) => offer.url !== undefined && sameAddress(textOf(offer.url), hints.url) === 2,
  );
  return own.length > 0 ? own : all;
}

/** "1e3" is a machine's way to write 1000. */
const SCIENTIFIC = /^\d{1,12}(?:\.\d{1,12})?e\+?\d{1,3}$/i;

function readFirstPrice(offers: readonly Item[], hints: PageHints, resolve: Resolver): FoundPrice | null {
  // Offers may share a specification, which is then read only once.
  const tried = new Set<Item>();
  for (const offer of offers) {
    const price = readOfferPrice(offer, { hints, resolve, tried });
    if (price !== null) return price;
  }
  return null;
}

interface PriceContext {
  readonly hints: PageHints;
  readonly resolve: Resolver;
  /** Offers and specifications without a price. */
  readonly tried: Set<Item>;
}

function readOfferPrice(offer: Item, { hints, resolve, tried }: PriceContext): FoundPrice | null {
  const parts = itemsOf(offer.priceSpecification, resolve).filter(
    // Old prices, and prices for a litre or a month.
    (part) =>
      !/list|strike|msrp|srp/i.test(textOf(part.priceType) ?? '') && part.referenceQuantity === undefined,
  );
  for (const part of [offer, ...parts]) {
    if (tried.has(part)) continue;
    tried.add(part);
    const currency = textOf(part.priceCurrency) ?? textOf(offer.priceCurrency) ?? null;
    const values = [part.price, part.lowPrice, part.minPrice].flat();
    for (const value of values.slice(0, MAX_PRICES)) {
      const text = textOf(value) ?? '';
      const price =
        typeof value === 'number' || SCIENTIFIC.test(text)
          ? fromNumber(Number(value), currency && findCurrency(currency, hints))
          : parsePrice(text, { ...hints, currency });
      if (price !== null) return price;
    }
  }
  return null;
}

/** One offer in stock is enough: the shop sells it. */
function readAvailability(offers: readonly Item[], resolve: Resolver): ProductFacts['availability'] {
  const states = offers.map((offer) => toAvailability(textOf(offer.availability, resolve) ?? ''));
  return states.find((state) => state === 'InStock') ?? states.find((state) => state !== null) ?? null;
}

/**
 * Reads the names of schema.org in many spellings, and "instock" and "oos" of Open Graph. Orders in
 * advance count as in stock.
 */
export function toAvailability(value: string): ProductFacts['availability'] {
  const name = value
    .replace(/^.*[/#]/, '')
    .replace(/[\s_-]/g, '')
    .toLowerCase();
  if (/^(?:outofstock|soldout|discontinued|oos|unavailable|notavailable|reserved)$/.test(name))
    return 'OutOfStock';
  if (/instock|limited|preorder|presale|backorder|onlineonly|instoreonly|madetoorder|^available/.test(name)) {
    return 'InStock';
  }
  return null;
}

function readImages(value: unknown, resolve: Resolver): FoundImage[] {
  if (Array.isArray(value)) {
    const all: unknown[] = value.slice(0, MAX_IMAGES).flat(2);
    return all.slice(0, MAX_IMAGES).flatMap((part) => (Array.isArray(part) ? [] : readImages(part, resolve)));
  }
  if (typeof value === 'string') return [{ url: value, alt: null, width: null, height: null }];
  if (!isItem(value)) return [];
  const image = resolve(value);
  const url = [image.contentUrl, image.url, image['@id'], image.thumbnailUrl]
    .map((part) => textOf(part))
    .find(Boolean);
  if (url === undefined) return [];
  const alt = toPlainText(textOf(image.caption) ?? textOf(image.name) ?? '', 300);
  return [{ url, alt, width: toPixels(image.width), height: toPixels(image.height) }];
}

function toPixels(value: unknown): number | null {
  const pixels = Number.parseInt(textOf(value) ?? '', 10);
  return pixels > 0 ? pixels : null;
}

function typesOf(item: Item): string[] {
  return [item['@type']]
    .flat()
    .flatMap((type) => String(type).split(/\s+/))
    .map((type) => type.replace(/^.*[/#:]/, '').toLowerCase());
}

/** Returns each item once, even if there are several references to it. */
function itemsOf(value: unknown, resolve: Resolver): Item[] {
  return [...new Set([value].flat(2).filter(isItem).map(resolve))];
}

/** Returns the first text of a value: a string, a number, or the name of an item. */
function textOf(value: unknown, resolve: Resolver = (item) => item): string | undefined {
  const first = Array.isArray(value) ? value.find((part) => part !== null && part !== '') : value;
  if (typeof first === 'string' || typeof first === 'number') return String(first).trim() || undefined;
  if (!isItem(first)) return undefined;
  const { name, '@value': literal, value: plain, '@id': id } = resolve(first);
  const named = Array.isArray(name) ? name[0] : name;
  return [named, literal, plain, id].find((part) => typeof part === 'string' && part !== '') as
    | string
    | undefined;
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
