import { expect, test } from 'vitest';
import { readSrcset } from './read-srcset.ts';

test.each([
  ['/a.jpg', [['/a.jpg', 1000]]],
  [
    '/a.jpg 1x, /b.jpg 1.5x',
    [
      ['/a.jpg', 1000],
      ['/b.jpg', 1500],
    ],
  ],
  [
    ' /a.jpg 400w,/b.jpg 800w , /c.jpg',
    [
      ['/a.jpg', 400],
      ['/b.jpg', 800],
      ['/c.jpg', 1000],
    ],
  ],
  [
    '/w_1,h_2/a.jpg 2x, /b,c.jpg',
    [
      ['/w_1,h_2/a.jpg', 2000],
      ['/b,c.jpg', 1000],
    ],
  ],
  [
    '/a.jpg, /b.jpg',
    [
      ['/a.jpg', 1000],
      ['/b.jpg', 1000],
    ],
  ],
  [
    '/a.jpg 100w 50h, /b.jpg wide',
    [
      ['/a.jpg', 100],
      ['/b.jpg', 1000],
    ],
  ],
  [' , ,', []],
  ['', []],
])('%j', (text, images) => {
  expect(readSrcset(text).map(({ url, size }) => [url, size])).toEqual(images);
});
