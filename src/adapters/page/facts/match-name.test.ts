import { expect, test } from 'vitest';
import { makeNameMatcher } from './match-name.ts';

const isNamed = makeNameMatcher(['Acme Red Running Shoe | Shop']);

test.each([
  ['Red running shoe', true],
  ['ACME red running shoe, size 42', true],
  ['Blue running hat', false],
  ['Red', false],
  ['', false],
])('%s: %s', (name, expected) => {
  expect(isNamed(name)).toBe(expected);
});
