import { expect, test } from 'vitest';
import { makeReferer } from './make-referer.ts';

const PAGE = 'https://user:s3cret@shop.example/private?token=abc#part';

test.each([
  ['https://shop.example/a.jpg', PAGE, 'https://shop.example/private?token=abc'],
  ['https://cdn.example/a.jpg', PAGE, 'https://shop.example/'],
  ['https://shop.example:8443/a.jpg', PAGE, 'https://shop.example/'],
  ['http://shop.example/a.jpg', PAGE, undefined],
  ['http://cdn.example/a.jpg', PAGE, undefined],
  ['https://shop.example/a.jpg', 'http://shop.example/p', 'http://shop.example/'],
  ['http://shop.example/a.jpg', 'http://shop.example/p', 'http://shop.example/p'],
  ['https://shop.example/a.jpg', 'file:///etc/passwd', undefined],
  ['https://shop.example/a.jpg', undefined, undefined],
])('referer for %s linked from %s', (target, page, referer) => {
  expect(makeReferer(page, new URL(target))).toEqual(referer === undefined ? {} : { referer });
});
