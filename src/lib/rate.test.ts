import { expect, test } from 'vitest';
import { parseRate } from './rate.ts';

test.each([
  ['20/m', { maxCalls: 20, windowMs: 60_000 }],
  ['5/s', { maxCalls: 5, windowMs: 1000 }],
  ['1000/h', { maxCalls: 1000, windowMs: 3_600_000 }],
  ['off', null],
])('accepts %s', (text, rate) => {
  expect(parseRate(text)).toEqual(rate);
});

test.each(['', '0/m', '20', '20/d', '-1/m', '2.5/m', ' 20/m', '20/m ', 'OFF', '1e3/m'])(
  'rejects %j',
  (text) => {
    expect(parseRate(text)).toBeUndefined();
  },
);
