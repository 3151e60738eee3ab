/*
 * Runs before each test file: `TEST_SEED` is the seed of every property. If a property fails,
 * fast-check prints its seed.
 */
const given = process.env.TEST_SEED;
if (given !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: Number(given) });
}

export {};
