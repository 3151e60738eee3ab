import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { onTestFailed } from 'vitest';

/**
 * Returns the seed for the random cases of the running test: `TEST_SEED`, or else a new one. Prints
 * it only if the test fails.
 */
export function chooseSeed(): number {
  const given = process.env.TEST_SEED;
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given);
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED must be an integer, not "${given}"`);
  onTestFailed(() => {
    process.stdout.write(`To repeat its random cases, set TEST_SEED=${seed}\n`);
  });
  return seed;
}

/**
 * Returns a function that generates integers from `min` to below `max`. The same seed gives the
 * same sequence.
 */
export function createRandomInt(seed: number): (min: number, max: number) => number {
  const [draw] = fc.sample(fc.noBias(fc.gen()), { numRuns: 1, seed });
  if (!draw) throw new Error('nothing was drawn');
  return (min, max) => draw(fc.integer, { min, max: max - 1 });
}
