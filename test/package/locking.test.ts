import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/*
 * docs/locking.md lists every file that takes a lock by name. Updates lock too, but need no clause.
 */

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/locking.md', root), 'utf8');

const LOCKS =
  /\.for\('(?:no key )?(?:update|share)'|\.for\('key share'|\bfor (?:(?:no key )?update|key share|share)\b|\bpg_(?:try_)?advisory_\w*lock|\block table\b/;

const locking = globSync('src/**/*.ts', { cwd: root.pathname })
  .filter((file) => !file.endsWith('.test.ts'))
  .filter((file) => {
    const lines = readFileSync(new URL(file, root), 'utf8').split('\n');
    return lines.some((line) => !/^\s*(?:\*|\/[/*]|--)/.test(line) && LOCKS.test(line));
  })
  .map((file) => file.replace(/^src\/|\.ts$/g, ''));

test('the page lists every file that takes a lock', () => {
  expect(locking).toContain('pipeline/lock-batches');
  expect(locking.length).toBeGreaterThan(15);
  expect(locking.filter((file) => !page.includes(`\`${file}\``))).toEqual([]);
});

test('every named file exists', () => {
  const named = [...page.matchAll(/`((?:[a-z-]+\/)+[a-z-]+)`/g)].map(([, file = '']) => file);
  const files = new Set(globSync('src/**/*.ts', { cwd: root.pathname }));
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((file) => !files.has(`src/${file}.ts`))).toEqual([]);
});
