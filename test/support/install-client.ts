import { execFile } from 'node:child_process';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/**
 * Packs `cta-batch-client` and installs it in `project` with only its dependencies, without a
 * registry. `staging` is a folder for the build, because `packages/client/dist` may be in use.
 */
export async function installClient(
  project: string,
  staging: string,
): Promise<{ tarball: string; files: string[] }> {
  await mkdir(staging);
  for (const name of ['package.json', 'README.md', 'LICENSE'])
    await cp(join(ROOT, 'packages/client', name), join(staging, name));
  await run(process.execPath, ['scripts/build-client.ts', join(staging, 'dist')], { cwd: ROOT });
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--offline'], { cwd: staging });
  const [{ filename, files }] = JSON.parse(packed.stdout) as [
    { filename: string; files: { path: string }[] },
  ];

  const modules = join(project, 'node_modules');
  await mkdir(join(modules, 'cta-batch-client'), { recursive: true });
  const tarball = join(staging, filename);
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'cta-batch-client'), '--strip-components=1']);
  await symlink(join(ROOT, 'node_modules/@trpc'), join(modules, '@trpc'));
  return { tarball, files: files.map(({ path }) => path) };
}
