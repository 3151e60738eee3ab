import type { CheerioAPI } from 'cheerio';
import { AppError } from '../../lib/app-error.ts';
import { canonicalAddress } from './facts/canonical-address.ts';
import {
  chooseAvailability,
  chooseBrand,
  chooseCode,
  chooseCurrency,
  choosePrice,
  type Source,
} from './facts/choose-facts.ts';
import { cleanTitle } from './facts/clean-title.ts';
import { listImages } from './facts/list-images.ts';
import { type OpenGraphFacts, readOpenGraph } from './facts/open-graph.ts';
import { readState } from './facts/read-state.ts';
import { readSchemaProduct } from './facts/schema-product.ts';
import { readVisiblePage, type VisibleFacts } from './facts/visible-page.ts';
import { classifyRefusal } from './fetch/classify-refusal.ts';
import type { PageHints, PageProduct, PageSource, ProductFacts } from './page-product.ts';
import { findLanguage } from './parse/find-language.ts';
import { findMeta } from './parse/find-meta.ts';
import { readJsonLd } from './parse/json-ld.ts';
import { loadPage } from './parse/load-page.ts';
import { readMicrodata, readRdfa } from './parse/microdata.ts';
import { elementsOf } from './parse/page-elements.ts';
import { readNodeText } from './parse/read-node-text.ts';
import { toPlainText } from './parse/to-plain-text.ts';

export interface ProductPage {
  readonly html: Buffer;
  /** The whole header, including the charset; may be empty. */
  readonly contentType: string;
  /** The address of the bytes, after redirects. */
  readonly url: string;
}

/**
 * Reads the product of a page from JSON-LD, microdata, RDFa, Open Graph, state in scripts and the
 * visible page; `choose-facts.ts` chooses between them. A page has a product if it has structured
 * data of one, the Open Graph type "product", or a price that is clear or beside a way to buy.
 * Pure, but slow for large pages: about 0.3 s per MB.
 *
 * @throws AppError `page_not_html`, `page_too_large` (nested too deep), `page_blocked` (a
 *   challenge), `page_login`, `not_a_product`.
 */
export function readProductPage(page: ProductPage): PageProduct {
  try {
    return readDocument(loadPage(page.html, page.contentType), page.url);
  } catch (error) {
    // Some libraries work by recursion, and a page may nest 100,000 levels deep. No product page
    // does.
    if (error instanceof RangeError) throw new AppError('page_too_large', { cause: error });
    throw error;
  }
}

function readDocument($: CheerioAPI, url: string): PageProduct {
  const hints = readHints($, url);
  const found = readSources($, hints);
  if (!hasProduct(found)) throw new AppError(classifyRefusal($, url));
  return assemble($, found, hints);
}

function readHints($: CheerioAPI, url: string): PageHints {
  const titles = [textOfFirst($, 'h1'), textOfFirst($, 'title'), findMeta($, 'property', 'og:title')]
    .map((title) => toPlainText(title ?? '', 300))
    .filter((title) => title !== null);
  return { url, language: findLanguage($), titles };
}

/** The facts about the product from each source, or undefined for a source without any. */
interface Found {
  readonly jsonLd: ProductFacts | undefined;
  readonly microdata: ProductFacts | undefined;
  readonly rdfa: ProductFacts | undefined;
  readonly openGraph: OpenGraphFacts;
  readonly state: ProductFacts | undefined;
  readonly visible: VisibleFacts;
}

function readSources($: CheerioAPI, hints: PageHints): Found {
  return {
    jsonLd: readSchemaProduct(readJsonLd($), hints),
    microdata: readSchemaProduct(readMicrodata($), hints),
    rdfa: readSchemaProduct(readRdfa($), hints),
    openGraph: readOpenGraph($, hints),
    state: readState($, hints),
    visible: readVisiblePage($, hints),
  };
}

function hasProduct({ jsonLd, microdata, rdfa, openGraph, state, visible }: Found): boolean {
  const isStructured = (jsonLd ?? microdata ?? rdfa) !== undefined || openGraph.isProduct;
  const canBeBought = visible.isPriceClear || visible.stock.isInStock || state !== undefined;
  const isSold =
    canBeBought &&
    (visible.title !== null || state !== undefined || visible.stock.canBuy) &&
    (visible.price !== null || (state?.price ?? null) !== null);
  return isStructured || isSold;
}

/** Returns the sources, the most trusted first. See `choose-facts.ts`. */
function rankSources({ jsonLd, microdata, rdfa, openGraph, state, visible }: Found): Source[] {
  const given: (readonly [PageSource, ProductFacts | undefined])[] = [
    ['json-ld', dropTail(jsonLd, visible)],
    ['microdata', dropTail(microdata, visible)],
    ['rdfa', dropTail(rdfa, visible)],
    ['og', preferHeading(openGraph, visible)],
    ['state', state],
    ['dom', visible],
  ];
  return given.filter((source): source is Source => source[1] !== undefined);
}

/**
 * If the title contains the whole heading, it is the heading with words of the shop around it, so
 * the heading is better.
 */
function preferHeading(openGraph: ProductFacts, visible: ProductFacts): ProductFacts {
  const isWithin =
    visible.title !== null && openGraph.title?.toLowerCase().includes(visible.title.toLowerCase());
  return isWithin ? { ...openGraph, title: null } : openGraph;
}

/** In data, only a long tail reveals such words: "Red shoe - Buy shoes for women, red, at …". */
function dropTail(facts: ProductFacts | undefined, visible: ProductFacts): ProductFacts | undefined {
  const [name, heading] = [facts?.title?.toLowerCase(), visible.title?.toLowerCase()];
  if (facts === undefined || name === undefined || !heading || heading.length < 8) return facts;
  const isTail = name.startsWith(heading) && /^\s*[-–—|:•].{30}/u.test(name.slice(heading.length));
  return isTail ? { ...facts, title: null } : facts;
}

function assemble($: CheerioAPI, found: Found, hints: PageHints): PageProduct {
  const { visible, openGraph } = found;
  const sources = rankSources(found);
  const siteNames = listSiteNames(openGraph.siteName, hints.url);
  const provenance: Record<string, PageSource> = {};
  function keep<T>(field: string, chosen: { value: T; source: PageSource } | undefined): T | null {
    if (chosen !== undefined) provenance[field] = chosen.source;
    return chosen?.value ?? null;
  }
  /** Takes a fact from the first source that has it. */
  function take<K extends keyof ProductFacts>(field: K): ProductFacts[K] | null {
    const first = sources.find(([, facts]) => facts[field] !== null);
    return keep(field, first && { value: first[1][field], source: first[0] });
  }

  const title = take('title') ?? hints.titles[0];
  if (title === undefined) throw new AppError('not_a_product');
  const price = keep('price', choosePrice(sources, visible));
  const currency = price === null ? null : chooseCurrency(sources, price, hints);
  const images = listImages($, sources, hints.url);
  if (images[0] !== undefined) provenance.images = images[0].source;
  return {
    address: canonicalAddress(hints.url, findCanonical($)),
    title: cleanTitle(title, siteNames),
    description: take('description'),
    brand: keep('brand', chooseBrand(sources, siteNames, hints.titles.join(' | '))),
    sku: keep('sku', chooseCode(sources, visible, hints)),
    gtin: take('gtin'),
    mpn: take('mpn'),
    priceAmount: price?.amount ?? null,
    priceCurrency: currency,
    priceText: price === null ? null : formatPrice(price.amount, currency, hints.language),
    availability: keep('availability', chooseAvailability(sources, visible, price !== null)),
    language: hints.language,
    images,
    provenance,
  };
}

/** Returns the names of the shop: og:site_name and the labels of its host. */
function listSiteNames(siteName: string | null, url: string): string[] {
  const labels = new URL(url).hostname.split('.');
  return [...(siteName === null ? [] : [siteName]), ...labels.slice(0, -1)];
}

function formatPrice(amount: string, currency: string | null, language: string | null): string {
  const format = new Intl.NumberFormat(language ?? 'en', {
    ...(currency === null ? {} : { style: 'currency', currency }),
  });
  return format.format(amount as `${number}`);
}

function textOfFirst($: CheerioAPI, tag: string): string {
  const [first] = elementsOf($).byTag(tag);
  return first === undefined ? '' : readNodeText(first);
}

function findCanonical($: CheerioAPI): string | undefined {
  const links = elementsOf($).byTag('link');
  return links.find(({ attribs }) => attribs.rel?.toLowerCase().split(/\s+/).includes('canonical'))?.attribs
    .href;
}
