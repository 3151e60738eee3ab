import { expect, test } from 'vitest';
import { requireValue } from './require-value.ts';

test('returns an existing value, and throws for a missing one', () => {
  expect([requireValue('', 'a text'), requireValue(0, 'a number')]).toEqual(['', 0]);
  for (const value of [null, undefined]) {
    expect(() => requireValue(value, 'the id of a call')).toThrow('the id of a call is missing');
  }
});
