import { describe, expect, test } from 'vitest';
import type { ProductFacts } from '../page-product.ts';
import { chooseBrand, chooseCode, choosePrice, type Source } from './choose-facts.ts';
import { decideAvailability } from './find-availability.ts';
import type { VisibleFacts } from './visible-page.ts';

const NOTHING: ProductFacts = {
  title: null,
  description: null,
  brand: null,
  sku: null,
  gtin: null,
  mpn: null,
  price: null,
  availability: null,
  images: [],
};
const UNSEEN = { canBuy: false, isSoldOut: false, isInStock: false };
const eur = (amount: string) => ({ amount, currency: 'EUR' });

function page(visible: Partial<VisibleFacts>, ...data: Source[]): [Source[], VisibleFacts] {
  const all = {
    ...NOTHING,
    stock: UNSEEN,
    prices: [],
    isPriceClear: false,
    text: '',
    fields: new Set(''),
    ...visible,
  };
  return [[...data, ['dom', all]], all];
}

describe('price', () => {
  const data: Source = ['json-ld', { ...NOTHING, price: eur('20.00') }];

  test('prefers a clear price on the page to data, but not an unclear one', () => {
    expect(choosePrice(...page({ price: eur('15.00'), isPriceClear: true }, data))?.source).toBe('dom');
    expect(choosePrice(...page({ price: eur('15.00') }, data))?.source).toBe('json-ld');
  });

  test('keeps the source name of data that agrees with the page', () => {
    expect(choosePrice(...page({ price: eur('20'), isPriceClear: true }, data))?.source).toBe('json-ld');
  });

  test('prefers script state to the page only if its price is visible', () => {
    const state: Source = ['state', { ...NOTHING, price: eur('20.00') }];
    expect(choosePrice(...page({ price: eur('15.00') }, state))?.source).toBe('dom');
    expect(choosePrice(...page({ price: eur('15.00'), prices: [eur('20')] }, state))?.source).toBe('state');
    expect(choosePrice(...page({}, state))?.source).toBe('state');
  });
});

test.each([
  ['InStock', {}, 'InStock'],
  ['InStock', { isSoldOut: true }, 'OutOfStock'],
  ['InStock', { isSoldOut: true, isInStock: true }, 'InStock'],
  ['OutOfStock', {}, 'OutOfStock'],
  ['OutOfStock', { canBuy: true, isInStock: true }, 'InStock'],
  ['OutOfStock', { canBuy: true, isSoldOut: true }, 'OutOfStock'],
  [null, { isSoldOut: true }, 'OutOfStock'],
  [null, { canBuy: true, isSoldOut: true }, 'InStock'],
  [null, {}, 'InStock'],
] as const)('stock: data says %s, the page %j: %s', (said, seen, expected) => {
  expect(decideAvailability(said, { ...UNSEEN, ...seen }, true)).toBe(expected);
});

test('stock: is unknown without any statement and without a price', () => {
  expect(decideAvailability(null, UNSEEN, false)).toBeNull();
});

describe('code', () => {
  const hints = { url: 'https://shop.test/p/shoe-4711-2?pid=99123', language: 'en', titles: [] };
  const data: Source = ['json-ld', { ...NOTHING, sku: '4711-2-1' }];
  const state: Source = ['state', { ...NOTHING, sku: '4711-2' }];

  test('prefers a visible code, then a labeled one, then one in the address', () => {
    expect(chooseCode(...page({ text: 'no. 4711-2-1', sku: 'X-100' }, data, state), hints)?.value).toBe(
      '4711-2-1',
    );
    expect(chooseCode(...page({ sku: 'X-100' }, data, state), hints)?.value).toBe('X-100');
    expect(chooseCode(...page({}, data, state), hints)?.value).toBe('4711-2');
  });

  test('uses the id in the address if there is no code', () => {
    expect(chooseCode(...page({}), hints)).toEqual({ value: '99123', source: 'dom' });
    const plain = { ...hints, url: 'https://shop.test/p/shoe-47112' };
    expect(chooseCode(...page({}), plain)).toBeUndefined();
    expect(chooseCode(...page({ fields: new Set(['47112']) }), plain)?.value).toBe('47112');
  });

  test('removes the words around it', () => {
    const wordy: Source = ['microdata', { ...NOTHING, sku: 'TE502-129 Sofa cover' }];
    expect(chooseCode(...page({}, wordy), hints)?.value).toBe('TE502-129');
  });
});

test('brand: uses the name of the shop only as a fallback, spelled as in the title, never a template', () => {
  const brand = (source: 'json-ld' | 'state', value: string): Source => [
    source,
    { ...NOTHING, brand: value },
  ];
  const choose = (...sources: Source[]) => chooseBrand(sources, ['Shop'], 'Ab-Cd red shoe')?.value;
  expect(choose(brand('json-ld', 'SHOP'), brand('state', 'Acme'))).toBe('Acme');
  expect(choose(brand('json-ld', 'Shop'))).toBe('Shop');
  expect(choose(brand('json-ld', 'Ab Cd'))).toBe('Ab-Cd');
  expect(choose(brand('json-ld', '$brand'))).toBeUndefined();
  expect(choose(brand('json-ld', 'More of the brand: Acme'))).toBe('Acme');
});
