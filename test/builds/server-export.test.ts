import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPackageProblems, STRICT_COMPILER_OPTIONS } from '../support/package-checks.ts';

/*
 * `cta-batch/client`: the same client as `cta-batch-client`, exported by the package of the server.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const CLIENT_NEEDS = ['@trpc/client', '@trpc/server', 'eventsource', 'superjson'];
const run = promisify(execFile);

let folder: string;
let consumer: string;
let tarball: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-client-'));
  // Do not use the repository's own dist, which may be in use.
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
}, 720_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
])('compiles in a strict project that checks its declarations (%s)', async (moduleResolution, module) => {
  const compilerOptions = { ...STRICT_COMPILER_OPTIONS, module, moduleResolution };
  const path = join(consumer, `tsconfig.${moduleResolution}.json`);
  await writeFile(path, JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  const said = await run(TSC, ['-p', path], { cwd: consumer }).catch((error: { stdout: string }) => error);
  expect(said.stdout).toBe('');
});

test('exports the same as cta-batch-client', async () => {
  const script = `import('cta-batch/client').then((all) => console.log(Object.keys(all).sort().join()))`;
  const { stdout } = await run(process.execPath, ['--eval', script], { cwd: consumer });
  expect(stdout.trim()).toBe('TRPCClientError,createCtaBatchClient');
});

test('passes package checks of its manifest and types', async () => {
  const { messages, problems } = await findPackageProblems(join(consumer, 'node_modules/cta-batch'), tarball);
  expect(messages).toEqual([]);
  // The package is only an ES module. Resolvers without support for `exports`, and `require`, are
  // not supported.
  const served = problems.filter(
    (problem) => !('resolutionKind' in problem && /^node10$|-cjs$/.test(problem.resolutionKind)),
  );
  expect(served).toEqual([]);
});
