import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { chooseSeed, createRandomInt } from './choose-seed.ts';

const draw = (seed: number) => {
  const randomInt = createRandomInt(seed);
  return Array.from({ length: 200 }, () => randomInt(4, 10));
};

test('draws the same integers for the same seed, and the whole range', () => {
  const seed = chooseSeed();
  expect(draw(seed)).toEqual(draw(seed));
  expect(draw(seed)).not.toEqual(draw(seed + 1));
  expect([...new Set(draw(seed))].toSorted((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9]);
});

test('TEST_SEED seeds drawn integers and properties, and only a test that fails prints it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cta-seed-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  const setup = JSON.stringify(join(import.meta.dirname, 'seed-fast-check.ts'));
  await writeFile(join(folder, 'vitest.config.mjs'), `export default { test: { setupFiles: [${setup}] } };`);
  await writeFile(
    join(folder, 'sample.test.ts'),
    `import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseSeed } from '${join(import.meta.dirname, 'choose-seed.ts')}';
test('passes', () => expect(chooseSeed()).toBe(4711));
test('fails', () => expect(chooseSeed()).toBe(0));
test('a property', () => fc.assert(fc.property(fc.nat(), () => false)));
`,
  );
  const vitest = join(process.cwd(), 'node_modules/vitest/vitest.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, 'run'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, TEST_SEED: '4711', NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const said = stdout + stderr;
  expect(status, said).toBe(1);
  expect(said.match(/set TEST_SEED=4711/g)).toHaveLength(1);
  expect(said).toContain('seed: 4711');
  expect(said).toContain('2 failed | 1 passed');
});
