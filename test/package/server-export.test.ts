import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, expect, test } from 'vitest';

/* `cta-batch/client`: the same client as `cta-batch-client`, exported by the server's package. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const CLIENT_NEEDS = ['@trpc/client', '@trpc/server', 'eventsource', 'superjson'];
const run = promisify(execFile);

let folder: string;
let consumer: string;
let tarball: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-client-'));
  // Not in the repository's own dist, which may be in use.
  const staged = join(folder, 'staged');
  await mkdir(staged);
  for (const name of ['package.json', 'README.md', 'LICENSE', 'migrations']) {
    await cp(join(ROOT, name), join(staged, name), { recursive: true });
  }
  await run(TSC, ['-p', 'tsconfig.build.json', '--outDir', join(staged, 'dist')], { cwd: ROOT });
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--offline'], { cwd: staged });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  tarball = join(staged, filename);

  consumer = join(folder, 'consumer');
  await mkdir(consumer);
  const program = await readFile(join(ROOT, 'test/fixtures/consumer/main.ts'), 'utf8');
  await writeFile(join(consumer, 'main.ts'), program.replace('cta-batch-client', 'cta-batch/client'));
  await writeFile(join(consumer, 'package.json'), '{"private":true,"type":"module"}');
  const modules = join(consumer, 'node_modules');
  await mkdir(join(modules, 'cta-batch'), { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'cta-batch'), '--strip-components=1']);
  for (const name of CLIENT_NEEDS) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
}, 240_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
])('compiles in a strict project, its declarations checked too (%s)', async (moduleResolution, module) => {
  const compilerOptions = {
    target: 'es2023',
    // tRPC's own declarations need the last one.
    lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'],
    module,
    moduleResolution,
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const path = join(consumer, `tsconfig.${moduleResolution}.json`);
  await writeFile(path, JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  const said = await run(TSC, ['-p', path], { cwd: consumer }).catch((error: { stdout: string }) => error);
  expect(said.stdout).toBe('');
});

test('exports what cta-batch-client exports', async () => {
  const script = `import('cta-batch/client').then((all) => console.log(Object.keys(all).sort().join()))`;
  const { stdout } = await run(process.execPath, ['--eval', script], { cwd: consumer });
  expect(stdout.trim()).toBe('TRPCClientError,createCtaBatchClient');
});

test('its manifest and its types are as package tools want them', async () => {
  const { messages } = await publint({
    pkgDir: join(consumer, 'node_modules/cta-batch'),
    pack: false,
    level: 'suggestion',
    strict: true,
  });
  expect(messages).toEqual([]);
  const checked = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  if (!('problems' in checked)) return expect.unreachable('the package has no types');
  // An ES module only: `require`, and resolvers that do not know `exports`, are not supported.
  const served = checked.problems.filter(
    (problem) => !('resolutionKind' in problem && /^node10$|-cjs$/.test(problem.resolutionKind)),
  );
  expect(served).toEqual([]);
});
