import { describe, expect, test } from 'vitest';
import { canonicalAddress } from './canonical-address.ts';

describe('canonicalAddress', () => {
  test.each([
    ['https://shop.test/p?id=1&utm_source=a&UTM_Medium=b&gclid=c#top', 'https://shop.test/p?id=1'],
    ['https://shop.test/p?fbclid=1', 'https://shop.test/p'],
    ['https://shop.test/p?msclkid=1&mc_cid=2&mc_eid=3&srsltid=4&color=red', 'https://shop.test/p?color=red'],
    // Everything else keeps its spelling.
    ['https://shop.test/p?q=a+b%2Fc&x', 'https://shop.test/p?q=a+b%2Fc&x'],
    ['https://shop.test/p?ref=1&clid', 'https://shop.test/p?ref=1'],
  ])('%s', (url, expected) => {
    expect(canonicalAddress(url)).toBe(expected);
  });

  const page = 'https://www.shop.test/en/p?variant=2';
  test.each([
    ['https://shop.test/p', 'https://shop.test/p'],
    ['/p?utm_source=x', 'https://www.shop.test/p'],
    [' p/7 ', 'https://www.shop.test/en/p/7'],
    ['https://www.shop.test/', page],
    ['https://other.test/p', page],
    ['https://shop.test:8443/p', page],
    ['https://u:p@shop.test/p', page],
    ['javascript:alert(1)', page],
    ['http://[bad', page],
    ['', page],
    [`https://shop.test/${'x'.repeat(2100)}`, page],
  ])('rel=canonical %s', (canonical, expected) => {
    expect(canonicalAddress(page, canonical)).toBe(expected);
  });
});
