import { expect, test } from 'vitest';
import { chooseImages } from './choose-images.ts';

test('gives each preview its own image, best first, if there are enough', () => {
  expect(chooseImages(5, 3)).toEqual([0, 1, 2]);
});

test('repeats the ranked list if there are too few images', () => {
  expect(chooseImages(3, 8)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
  expect(chooseImages(1, 3)).toEqual([0, 0, 0]);
});
