import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/* docs/architecture.md shows the folders and the walls between them as the linter has them. */

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/architecture.md');

interface Wall {
  readonly includes: readonly [string];
  readonly linter: {
    readonly rules: {
      readonly style: {
        readonly noRestrictedImports: {
          readonly options: { readonly patterns: readonly { readonly group: readonly string[] }[] };
        };
      };
    };
  };
}

/** What a folder may import beside `lib`, its own subfolders and tests. */
function listAllowed({ linter }: Wall, folder: string): string[] {
  const [{ group } = expect.unreachable()] = linter.rules.style.noRestrictedImports.options.patterns;
  return group
    .filter((pattern) => pattern.startsWith('!') && !pattern.includes('/test/'))
    .map((pattern) => pattern.replace(/^!(?:\{[^}]*\}|\.\.)\//, '').replace(/\/\*\*$|\.ts$/, ''))
    .filter((name) => name !== 'lib' && !isOwn(name, folder));
}

const isOwn = (name: string, folder: string): boolean =>
  globSync(`src/${folder}/${name}/*.ts`, { cwd: root.pathname }).length > 0;

const { overrides } = JSON.parse(read('biome.walls.json')) as { overrides: Wall[] };
const walls = new Map(
  overrides.map((wall) => {
    const folder = wall.includes[0].replace(/^src\/(.+)\/\*\*$/, '$1');
    return [folder, listAllowed(wall, folder)] as const;
  }),
);

const [importTable = ''] = page.split('Reading is free');
const rows = new Map(
  [...importTable.matchAll(/^\| ((?:`[a-z-]+`(?:, )?)+) +\| ([^|]+) \|$/gm)].flatMap(
    ([, names = '', allowed = '']) =>
      [...names.matchAll(/`([a-z-]+)`/g)].map(
        ([, name = '']) => [name, [...allowed.matchAll(/`([a-z/-]+)`/g)].map(([, one = '']) => one)] as const,
      ),
  ),
);

test('the table of imports matches the linter configuration', () => {
  const features = [...walls].filter(([folder]) => !folder.startsWith('adapters/'));
  expect(features.length).toBeGreaterThan(15);
  for (const [folder, allowed] of features) {
    expect(rows.get(folder)?.toSorted(), folder).toEqual(allowed.toSorted());
  }
});

test('every folder is in the tree and in the table', () => {
  const folders = [
    ...new Set(globSync('src/*/**/*.ts', { cwd: root.pathname }).map((file) => file.split('/')[1])),
  ].toSorted();
  const tree = [...page.matchAll(/^ {2}([a-z-]+)\/ {2}/gm)].map(([, name]) => name);
  expect(tree.toSorted()).toEqual(folders);
  expect([...rows.keys()].toSorted()).toEqual(folders);
});

test('every named file exists', () => {
  const files = new Set(globSync('src/**/*.ts', { cwd: root.pathname }));
  const folders = new Set(globSync('src/**/', { cwd: root.pathname }).map((one) => one.replace(/\/$/, '')));
  const named = [...page.matchAll(/`((?:[a-z-]+\/)+[a-z-]+)`/g)].map(([, name = '']) => `src/${name}`);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !files.has(`${name}.ts`) && !folders.has(name))).toEqual([]);
});

/** The tables that a file writes, by their names in SQL. */
function findWrittenTables(file: string): string[] {
  const text = read(file);
  const built = [...text.matchAll(/\.(?:insert|update|delete)\((\w+)\)/g)].flatMap(
    ([, name = '']) => TABLES.get(name) ?? [],
  );
  const written = [...text.matchAll(/\b(?:insert into|update|delete from) cta\.(\w+)/g)].map(
    ([, name = '']) => name,
  );
  return [...built, ...written].filter((name) => !name.startsWith('__'));
}

/** The name in SQL of each table object of the schema. */
const TABLES = new Map(
  globSync('src/db/schema/*.ts', { cwd: root.pathname }).flatMap((file) =>
    [...read(file).matchAll(/export const (\w+) = cta\.table\(\s*'(\w+)'/g)].map(
      ([, name = '', table = '']) => [name, table] as const,
    ),
  ),
);

test('only the folders on the page write a table', () => {
  const writers = new Map<string, Set<string>>();
  for (const file of globSync('src/**/*.ts', { cwd: root.pathname })) {
    if (file.endsWith('.test.ts')) continue;
    const folder = file.split('/')[1] ?? '';
    for (const table of findWrittenTables(file))
      writers.set(table, (writers.get(table) ?? new Set()).add(folder));
  }
  expect([...writers.keys()].toSorted()).toEqual([...TABLES.values()].toSorted());
  const [, section = ''] = page.split('only these folders write a table');
  const allowed = new Map(
    [...section.matchAll(/^\| (`[a-z_, `]+`) +\| (`[^|]+) \|$/gm)].flatMap(([, tables = '', folders = '']) =>
      [...tables.matchAll(/`(\w+)`/g)].map(
        ([, table = '']) =>
          [table, [...folders.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name).toSorted()] as const,
      ),
    ),
  );
  expect(Object.fromEntries([...writers].map(([table, set]) => [table, [...set].toSorted()]))).toEqual(
    Object.fromEntries(allowed),
  );
});
