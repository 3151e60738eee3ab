import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { onTestFailed } from 'vitest';

/**
 * Returns the seed of the running test's random cases: `TEST_SEED`, or else a new one. Prints it only
 * if the test fails.
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

/** Returns a source of integers from `min` to below `max`, the same ones for the same seed. */
export function createRandomInt(seed: number): (min: number, max: number) => number {
  const [draw] = fc.sample(fc.noBias(fc.gen()), { numRuns: 1, seed });
  if (!draw) throw new Error('nothing was drawn');
  return (min, max) => draw(fc.integer, { min, max: max - 1 });
}
