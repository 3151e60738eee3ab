import type { FoundPrice, PageHints, PageSource, ProductFacts } from '../page-product.ts';
import { foldName } from '../parse/fold-name.ts';
import { findCurrency } from './currency.ts';
import { decideAvailability } from './find-availability.ts';
import { cleanBrand } from './find-brand.ts';
import { cleanCode } from './find-code.ts';
import type { VisibleFacts } from './visible-page.ts';

/** One source of a page, and its facts. */
export type Source = readonly [name: PageSource, facts: ProductFacts];

/** A fact, and the source that it came from. */
export interface Chosen<T> {
  readonly value: T;
  readonly source: PageSource;
}

/**
 * The rules for sources that disagree. Sources come in the order of trust: JSON-LD, microdata,
 * RDFa, Open Graph, state, the visible page.
 *
 * - Price: a clear price beside the heading (see `isPriceClear`) is what a shopper pays; data may
 *   be cached, of another variant, or before a discount. Without a clear price, the first source
 *   decides. State comes before the visible page only if its price is visible.
 * - Currency: the first source that has one. Data has codes, but the visible page has signs that
 *   several countries share.
 * - Availability: see `decideAvailability`.
 * - Code: prefer visible ones: a code in data that is also in the text of the page, then a labeled
 *   one, then a code in data that is in the page's address, then the first one in data. Without
 *   any, the number in the address, if the page has it in a field.
 * - Brand: the first source's. The shop's own name only if no source has another one.
 * - Everything else: the first source that has it.
 */
export function choosePrice(
  sources: readonly Source[],
  visible: VisibleFacts,
): Chosen<FoundPrice> | undefined {
  const given = listGiven(sources, 'price');
  const own = given.find(({ source }) => source === 'dom');
  const data = given.filter(({ source }) => source !== 'dom');
  const agreed = data.find(({ value }) => Number(value.amount) === Number(own?.value.amount));
  if (agreed !== undefined) return agreed;
  if (own !== undefined && visible.isPriceClear) return own;
  const seen = new Set(visible.prices.map((price) => Number(price.amount)));
  return (
    data.find(({ value, source }) => source !== 'state' || seen.has(Number(value.amount))) ?? own ?? data[0]
  );
}

/** See `choosePrice`. */
export function chooseCurrency(
  sources: readonly Source[],
  price: FoundPrice,
  hints: PageHints,
): string | null {
  const given = sources.map(([, facts]) => facts.price);
  const same = given.find((other) => other?.currency && Number(other.amount) === Number(price.amount));
  const named = [...(price.currency ? given.filter((other) => other?.currency) : [same]), price, ...given];
  const currency = named.find((other) => other?.currency)?.currency;
  return currency ? findCurrency(currency, hints) : null;
}

/** See `choosePrice`. */
export function chooseAvailability(sources: readonly Source[], visible: VisibleFacts, hasPrice: boolean) {
  const said = listGiven(sources, 'availability').find(({ source }) => source !== 'dom');
  const value = decideAvailability(said?.value ?? null, visible.stock, hasPrice);
  if (value === null) return undefined;
  return { value, source: said !== undefined && said.value === value ? said.source : ('dom' as const) };
}

/** See `choosePrice`. */
export function chooseCode(
  sources: readonly Source[],
  visible: VisibleFacts,
  hints: PageHints,
): Chosen<string> | undefined {
  const given = listGiven(sources, 'sku').map(({ value, source }) => ({ value: cleanCode(value), source }));
  const data = given.filter(({ source }) => source !== 'dom');
  const { pathname, search } = new URL(hints.url);
  const address = decode(pathname + search).toLowerCase();
  return (
    data.find(({ value }) => hasToken(visible.text, value.toLowerCase())) ??
    given.find(({ source }) => source === 'dom') ??
    data.find(({ value }) => hasToken(address, value.toLowerCase())) ??
    data[0] ??
    readAddressCode(hints.url, visible.fields)
  );
}

/** See `choosePrice`. */
export function chooseBrand(
  sources: readonly Source[],
  siteNames: readonly string[],
  title: string,
): Chosen<string> | undefined {
  const given = listGiven(sources, 'brand').flatMap(({ value, source }) => {
    const brand = cleanBrand(value);
    return brand === null ? [] : [{ value: brand, source }];
  });
  const shop = new Set(siteNames.map(foldName));
  const best = given.find(({ value }) => !shop.has(foldName(value))) ?? given[0];
  return best === undefined ? undefined : { ...best, value: spellAsIn(title, best.value) };
}

function listGiven<K extends keyof ProductFacts>(
  sources: readonly Source[],
  field: K,
): Chosen<NonNullable<ProductFacts[K]>>[] {
  return sources.flatMap(([source, facts]) => {
    const value = facts[field];
    return value === null ? [] : [{ value: value as NonNullable<ProductFacts[K]>, source }];
  });
}

/** Whether the text contains the code as a whole word, not as a part of a longer code. */
function hasToken(text: string, code: string): boolean {
  if (code.length < 4) return false;
  for (
    let at = text.indexOf(code), tries = 0;
    at >= 0 && tries < 50;
    at = text.indexOf(code, at + 1), tries += 1
  ) {
    const isWhole =
      !/[\p{L}\p{N}]/u.test(text[at - 1] ?? ' ') &&
      !/^(?:[\p{L}\p{N}]|[-_]\p{N})/u.test(text.slice(at + code.length, at + code.length + 2));
    if (isWhole) return true;
  }
  return false;
}

/**
 * Scripts and addresses drop punctuation, but the title has the usual spelling: "A-B" for "A B".
 */
function spellAsIn(title: string, brand: string): string {
  const words = brand.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length < 2 || words.length > 6 || title.toLowerCase().includes(brand.toLowerCase())) return brand;
  return (
    new RegExp(`(?<![\\p{L}\\p{N}])${words.join("[-.'&+ ]{1,3}")}(?![\\p{L}\\p{N}])`, 'iu').exec(
      title,
    )?.[0] ?? brand
  );
}

/**
 * Returns the id in the address: the value of a parameter with a name such as `sku`, or a number
 * that is also in a field of the page.
 */
function readAddressCode(url: string, fields: ReadonlySet<string>): Chosen<string> | undefined {
  const { pathname, searchParams } = new URL(url);
  const named = [...searchParams].find(
    ([key, value]) => ID_PARAMETER.test(key) && /^[\w-]{3,20}$/.test(value) && /\d/.test(value),
  );
  const tokens = [
    ...(named === undefined ? [] : [named[1]]),
    ...decode(pathname)
      .split(/[^\p{L}\p{N}]+/u)
      .reverse(),
  ];
  const value = tokens.find(
    (token) => token.length <= 20 && token.replace(/\D/g, '').length >= 4 && fields.has(token),
  );
  const code = value ?? named?.[1];
  return code === undefined ? undefined : { value: code, source: 'dom' };
}

const ID_PARAMETER = /^(?:p|pid|prod|product|item|goods|article|sku)?_?-?(?:id|sku|code|no)$/i;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
