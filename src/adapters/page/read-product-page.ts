import type { CheerioAPI } from 'cheerio';
import { AppError } from '../../lib/app-error.ts';
import { canonicalAddress } from './canonical-address.ts';
import { chooseAvailability, chooseBrand, chooseCode, choosePrice, type Source } from './choose-facts.ts';
import { cleanTitle } from './clean-title.ts';
import { findCurrency } from './currency.ts';
import { readJsonLd } from './json-ld.ts';
import { loadPage } from './load-page.ts';
import { readMicrodata, readRdfa } from './microdata.ts';
import { nameRefusal } from './name-refusal.ts';
import { readOpenGraph } from './open-graph.ts';
import { elementsOf } from './page-elements.ts';
import type {
  CandidateImage,
  FoundPrice,
  PageHints,
  PageProduct,
  PageSource,
  ProductFacts,
} from './page-product.ts';
import { plainText } from './plain-text.ts';
import { readState } from './read-state.ts';
import { readSchemaProduct } from './schema-product.ts';
import { readVisiblePage, type VisibleFacts } from './visible-page.ts';

const MAX_IMAGES = 20;
const MAX_ADDRESS_LENGTH = 2048;

export interface ProductPage {
  readonly html: Buffer;
  /** The header, charset and all; may be empty. */
  readonly contentType: string;
  /** Where the bytes came from, after redirects. */
  readonly url: string;
}

/**
 * Reads the product of a page out of JSON-LD, microdata, RDFa, Open Graph, state in scripts and what is to be seen;
 * `choose-facts.ts` says which of them wins. A page is a product's if it has structured data of one, the Open Graph type
 * "product", or a price that is clearly its own or stands beside a way to buy. Pure, but slow for large pages: about 0.3 s for each MB.
 *
 * @throws AppError `page_not_html`, `page_too_large` (nested too deep), `page_blocked` (a challenge), `page_login`, `not_a_product`.
 */
export function readProductPage(page: ProductPage): PageProduct {
  try {
    return readDocument(loadPage(page.html, page.contentType), page.url);
  } catch (error) {
    // Libraries below work by recursion, and a page may nest 100,000 deep. No product's page does.
    if (error instanceof RangeError) throw new AppError('page_too_large', { cause: error });
    throw error;
  }
}

function readDocument($: CheerioAPI, url: string): PageProduct {
  const language = findLanguage($);
  const titles = [textOfFirst($, 'h1'), textOfFirst($, 'title'), findMeta($, 'property', 'og:title')]
    .map((title) => plainText(title ?? '', 300))
    .filter((title) => title !== null);
  const hints: PageHints = { url, language, titles };

  const jsonLd = readSchemaProduct(readJsonLd($), hints);
  const microdata = readSchemaProduct(readMicrodata($), hints);
  const rdfa = readSchemaProduct(readRdfa($), hints);
  const openGraph = readOpenGraph($, hints);
  const state = readState($, hints);
  const visible = readVisiblePage($, hints);
  const isStructured =
    jsonLd !== undefined || microdata !== undefined || rdfa !== undefined || openGraph.isProduct;
  const canBeBought = visible.isPriceClear || visible.stock.isInStock || state !== undefined;
  const isSold =
    canBeBought &&
    (visible.title !== null || state !== undefined || visible.stock.canBuy) &&
    (visible.price !== null || (state?.price ?? null) !== null);
  if (!isStructured && !isSold) throw new AppError(nameRefusal($, url));

  const given: (readonly [PageSource, ProductFacts | undefined])[] = [
    ['json-ld', dropTail(jsonLd, visible)],
    ['microdata', dropTail(microdata, visible)],
    ['rdfa', dropTail(rdfa, visible)],
    ['og', preferHeading(openGraph, visible)],
    ['state', state],
    ['dom', visible],
  ];
  const sources = given.filter((source): source is Source => source[1] !== undefined);
  return assemble(sources, visible, listSiteNames(openGraph.siteName, url), hints, $);
}

/** A title that holds the whole heading is the heading with the shop's words around it: the heading is better. */
function preferHeading(openGraph: ProductFacts, visible: ProductFacts): ProductFacts {
  const isWithin =
    visible.title !== null && openGraph.title?.toLowerCase().includes(visible.title.toLowerCase());
  return isWithin ? { ...openGraph, title: null } : openGraph;
}

/** In data only a long tail gives that away: "Red shoe - Buy shoes for women, red, at …". */
function dropTail(facts: ProductFacts | undefined, visible: ProductFacts): ProductFacts | undefined {
  const [name, heading] = [facts?.title?.toLowerCase(), visible.title?.toLowerCase()];
  if (facts === undefined || name === undefined || !heading || heading.length < 8) return facts;
  const isTail = name.startsWith(heading) && /^\s*[-–—|:•].{30}/u.test(name.slice(heading.length));
  return isTail ? { ...facts, title: null } : facts;
}

function assemble(
  sources: readonly Source[],
  visible: VisibleFacts,
  siteNames: readonly string[],
  hints: PageHints,
  $: CheerioAPI,
): PageProduct {
  const provenance: Record<string, PageSource> = {};
  function take<K extends keyof ProductFacts>(field: K): ProductFacts[K] | null {
    const found = sources.find(([, facts]) => facts[field] !== null);
    if (found === undefined) return null;
    provenance[field] = found[0];
    return found[1][field];
  }

  const named = take('title') ?? hints.titles[0];
  if (named === undefined) throw new AppError('not_a_product');
  const title = cleanTitle(named, siteNames);
  function keep<T>(field: string, chosen: { value: T; source: PageSource } | undefined): T | null {
    if (chosen !== undefined) provenance[field] = chosen.source;
    return chosen?.value ?? null;
  }
  const price = keep('price', choosePrice(sources, visible));
  const currency = price === null ? null : findPriceCurrency(price, sources, hints);
  const base = findBase($, hints.url);
  const images = listImages(sources, base);
  if (images[0] !== undefined) provenance.images = images[0].source;
  return {
    address: canonicalAddress(hints.url, findCanonical($)),
    title,
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

/** What the shop calls itself: og:site_name, and the name in its host. */
function listSiteNames(siteName: string | null, url: string): string[] {
  const labels = new URL(url).hostname.split('.');
  return [...(siteName === null ? [] : [siteName]), ...labels.slice(0, -1)];
}

/** The currency that the first source names: data has codes, where the visible page has signs that several countries use. */
function findPriceCurrency(price: FoundPrice, sources: readonly Source[], hints: PageHints): string | null {
  const given = sources.map(([, facts]) => facts.price);
  const same = given.find((other) => other?.currency && Number(other.amount) === Number(price.amount));
  const named = [...(price.currency ? given.filter((other) => other?.currency) : [same]), price, ...given];
  const currency = named.find((other) => other?.currency)?.currency;
  return currency ? findCurrency(currency, hints) : null;
}

function formatPrice(amount: string, currency: string | null, language: string | null): string {
  const format = new Intl.NumberFormat(language ?? 'en', {
    ...(currency === null ? {} : { style: 'currency', currency }),
  });
  return format.format(amount as `${number}`);
}

function listImages(sources: readonly Source[], base: string): CandidateImage[] {
  const images = new Map<string, CandidateImage>();
  for (const [source, facts] of sources) {
    for (const [position, image] of facts.images.entries()) {
      const url = toWebAddress(image.url, base);
      if (url === undefined || /\.svgz?$/i.test(new URL(url).pathname)) continue;
      const known = images.get(url);
      if (known === undefined) images.set(url, { ...image, url, source, position });
      else known.alt ??= image.alt;
    }
  }
  return [...images.values()].slice(0, MAX_IMAGES);
}

function textOfFirst($: CheerioAPI, tag: string): string {
  const [first] = elementsOf($).byTag(tag);
  return first === undefined ? '' : $(first).text();
}

/** The content of the first meta tag of a name. */
function findMeta($: CheerioAPI, key: 'property' | 'http-equiv', name: string): string | undefined {
  const metas = elementsOf($).byTag('meta');
  return metas.find(({ attribs }) => attribs[key]?.toLowerCase() === name)?.attribs.content;
}

function findCanonical($: CheerioAPI): string | undefined {
  const links = elementsOf($).byTag('link');
  return links.find(({ attribs }) => attribs.rel?.toLowerCase().split(/\s+/).includes('canonical'))?.attribs
    .href;
}

/** What relative addresses are relative to. Browsers, too, ignore a base that is data or a script. */
function findBase($: CheerioAPI, url: string): string {
  const bases = elementsOf($).byTag('base');
  const href = bases.find(({ attribs }) => attribs.href !== undefined)?.attribs.href;
  const base = URL.parse(href ?? '', url);
  return base === null || base.protocol === 'javascript:' || base.protocol === 'data:' ? url : base.href;
}

function toWebAddress(address: string, base: string): string | undefined {
  const url = URL.parse(address.trim(), base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '') {
    return undefined;
  }
  url.hash = '';
  return url.href.length <= MAX_ADDRESS_LENGTH ? url.href : undefined;
}

function findLanguage($: CheerioAPI): string | null {
  const html = $.root().children('html');
  const tags = [
    html.attr('lang'),
    html.attr('xml:lang'),
    findMeta($, 'property', 'og:locale'),
    findMeta($, 'http-equiv', 'content-language'),
  ];
  for (const tag of tags) {
    try {
      const locale = new Intl.Locale((tag ?? '').trim().replaceAll('_', '-'));
      if (locale.language !== 'und') return locale.baseName;
    } catch {
      // Not a language tag: the next one may be.
    }
  }
  return null;
}
