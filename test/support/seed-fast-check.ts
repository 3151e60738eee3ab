/*
 * Runs before each test file: `TEST_SEED` is the seed of every property. fast-check prints the seed of
 * one that fails.
 */
const given = process.env.TEST_SEED;
if (given !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: Number(given) });
}

export {};
