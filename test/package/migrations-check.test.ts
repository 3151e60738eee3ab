import { spawnSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PARTS = ['package.json', 'drizzle.config.ts', 'scripts', 'src/db/schema', 'migrations'];

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'cta-project-'));
  for (const part of PARTS) await cp(part, join(project, part), { recursive: true });
  await symlink(join(process.cwd(), 'node_modules'), join(project, 'node_modules'));
});
afterEach(() => rm(project, { recursive: true }));

/** Returns the names and contents of the migrations. */
async function readMigrations(): Promise<[string, string][]> {
  const folder = join(project, 'migrations');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.toSorted().map(async (file) => [file, await readFile(file, 'utf8')] satisfies [string, string]),
  );
}

/** Runs the check, which must not write a migration. */
async function check() {
  const before = await readMigrations();
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'migrations:check'], {
    cwd: project,
    encoding: 'utf8',
  });
  expect(await readMigrations()).toEqual(before);
  return { status, stdout, stderr };
}

test('accepts migrations that contain the whole schema', async () => {
  expect(await check()).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^The migrations are valid/),
    stderr: '',
  });
});

test('rejects a schema without a migration, shows the difference, and writes nothing', async () => {
  const table = "export const added = cta.table('added', { id: primaryId() });\n";
  await appendFile(join(project, 'src/db/schema/webhooks.ts'), table);
  const { status, stdout, stderr } = await check();
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('The schema in src/db/schema differs from the migrations.');
  expect(stderr).toContain('npm run migrations:generate -- --name what-changes');
  expect(stderr).toContain('CREATE TABLE "cta"."added"');
});

test('rejects a column that may have been renamed without asking', async () => {
  const file = join(project, 'src/db/schema/webhooks.ts');
  const source = await readFile(file, 'utf8');
  await writeFile(file, source.replace("text('last_error')", "text('latest_error')"));
  const { status, stderr } = await check();
  expect(status).toBe(1);
  expect(stderr).toContain('The schema in src/db/schema differs from the migrations.');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('rejects migrations that do not belong together', async () => {
  const file = join(project, 'migrations/meta/0001_snapshot.json');
  const snapshot = await readFile(file, 'utf8');
  await writeFile(file, snapshot.replace('"prevId"', '"previous"'));
  const { status, stderr } = await check();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^The migrations are not valid:\n.*0001_snapshot\.json/);
});
