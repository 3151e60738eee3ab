import { expect, test } from 'vitest';
import { scoreByClip } from './score-by-clip.ts';

const vector = (...values: number[]) => Float32Array.from(values);

test('scores by the softmax of 100 times the cosines, as the share of the product among all texts', () => {
  const [east, north] = [vector(1, 0), vector(0, 1)];
  const [same, half, away] = scoreByClip(east, [north], [east, vector(Math.SQRT1_2, Math.SQRT1_2), north]);
  expect(same).toBeCloseTo(1);
  expect(half).toBeCloseTo(0.5);
  expect(away).toBeLessThan(1e-20);
  // Real models give cosines such as 0.30 and 0.28. The scores must differ clearly.
  const near = scoreByClip(vector(0.3, 0.28, 0), [vector(0.28, 0.3, 0)], [vector(1, 0, 0)]);
  expect(near[0]).toBeCloseTo(1 / (1 + Math.exp(-2)));
});

test('scores 1 without negative texts, and does not overflow for opposite vectors', () => {
  expect(scoreByClip(vector(1), [], [vector(-1)])).toEqual([1]);
  expect(scoreByClip(vector(-1), [vector(1)], [vector(1)])[0]).toBeGreaterThanOrEqual(0);
  expect(scoreByClip(vector(1), [vector(-1)], [])).toEqual([]);
});
