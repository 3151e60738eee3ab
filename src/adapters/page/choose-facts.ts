import { decideAvailability } from './find-availability.ts';
import { cleanBrand } from './find-brand.ts';
import type { PageHints, PageSource, ProductFacts } from './page-product.ts';
import type { VisibleFacts } from './visible-page.ts';

/** One source of a page, and what it says. */
export type Source = readonly [name: PageSource, facts: ProductFacts];

/** A fact, and the source that gave it. */
export interface Chosen<T> {
  readonly value: T;
  readonly source: PageSource;
}

/**
 * The rules for sources that disagree, in one place. Sources stand in the order of trust: JSON-LD, microdata, RDFa, Open
 * Graph, state, the visible page.
 *
 * - Price: the first source's. But data that shows nowhere on the page gives way to a clear price beside the heading
 *   (data is cached, or of another variant); state counts before the visible page only when its price can be seen.
 * - Availability: see `decideAvailability`.
 * - Code: one that a shopper can see goes first: data's code when it stands on the page as text, then a labelled one,
 *   then data's code that is in the page's address, then the first.
 * - Brand: the first source's; the shop's own name only when no source has another.
 * - All else: the first source that has it.
 */
export function choosePrice(sources: readonly Source[], visible: VisibleFacts) {
  const seen = new Set(visible.prices.map((price) => Number(price.amount)));
  const isSeen = (amount: string) => seen.has(Number(amount));
  const given = listGiven(sources, 'price');
  const data = given.filter(
    ({ value, source }) => source !== 'dom' && (source !== 'state' || isSeen(value.amount)),
  );
  const own = given.find(({ source }) => source === 'dom');
  const first = data[0];
  if (first === undefined) return own ?? given[0];
  if (isSeen(first.value.amount) || own === undefined || !visible.isPriceClear) return first;
  return data.find(({ value }) => isSeen(value.amount)) ?? own;
}

/** See `choosePrice`. */
export function chooseAvailability(sources: readonly Source[], visible: VisibleFacts, hasPrice: boolean) {
  const said = listGiven(sources, 'availability').find(({ source }) => source !== 'dom');
  const value = decideAvailability(said?.value ?? null, visible.stock, hasPrice);
  if (value === null) return undefined;
  return { value, source: said !== undefined && said.value === value ? said.source : ('dom' as const) };
}

/** See `choosePrice`. */
export function chooseCode(sources: readonly Source[], visible: VisibleFacts, hints: PageHints) {
  const given = listGiven(sources, 'sku');
  const data = given.filter(({ source }) => source !== 'dom');
  const { pathname, search } = new URL(hints.url);
  const address = decode(pathname + search).toLowerCase();
  return (
    data.find(({ value }) => hasToken(visible.text, value.toLowerCase())) ??
    given.find(({ source }) => source === 'dom') ??
    data.find(({ value }) => hasToken(address, value.toLowerCase())) ??
    data[0]
  );
}

/** See `choosePrice`. */
export function chooseBrand(sources: readonly Source[], siteNames: readonly string[]) {
  const given = listGiven(sources, 'brand').flatMap(({ value, source }) => {
    const brand = cleanBrand(value);
    return brand === null ? [] : [{ value: brand, source }];
  });
  const shop = new Set(siteNames.map(foldName));
  return given.find(({ value }) => !shop.has(foldName(value))) ?? given[0];
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

/** Whether the text has the code as a whole, not as a part of a longer one. */
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

function foldName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
