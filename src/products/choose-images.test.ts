import { expect, test } from 'vitest';
import { chooseImages } from './choose-images.ts';

test('enough images: each preview gets its own, best first', () => {
  expect(chooseImages(5, 3)).toEqual([0, 1, 2]);
});

test('too few images: the ranked list is gone round again', () => {
  expect(chooseImages(3, 8)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
  expect(chooseImages(1, 3)).toEqual([0, 0, 0]);
});
