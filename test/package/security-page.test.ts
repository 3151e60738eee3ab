import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/* docs/security.md states which test proves each claim. */

const page = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
const shown = [...page.matchAll(/\[`([^`]+)`\]\(\.\.\/([^)]+)\):((?:,?\s+“[^”]+”)+)/g)].map(
  ([, name = '', path = '', names = '']) => ({
    name,
    path,
    tests: [...names.matchAll(/“([^”]+)”/g)].map(([, one = '']) => one),
  }),
);

test('each of the ten sections names tests', () => {
  const rows = page.split(/^### /m).slice(1, 11);
  expect(rows.map((row) => /^API\d+/.exec(row)?.[0])).toEqual(
    Array.from({ length: 10 }, (_, index) => `API${index + 1}`),
  );
  for (const row of rows) expect(row).toMatch(/\.test\.ts\):\s+“/);
});

test('every named test exists, and every name is parsed', async () => {
  expect(shown.flatMap(({ tests }) => tests)).toHaveLength(page.match(/“/g)?.length ?? 0);
  for (const { name, path, tests } of shown) {
    expect(path).toBe(name);
    const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
    for (const one of tests) {
      const isTest = ["'", '"', '`'].some((quote) => text.includes(`(${quote}${one}${quote},`));
      const isOnALineOfItsOwn = ["'", '"', '`'].some((quote) => text.includes(`  ${quote}${one}${quote},`));
      expect(isTest || isOnALineOfItsOwn, `${path}: ${one}`).toBe(true);
    }
  }
});
