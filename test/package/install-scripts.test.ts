import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DockerfileParser } from 'dockerfile-ast';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/* Tests which packages may run a script when they are installed. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFile(join(ROOT, path), 'utf8');
const { allowScripts, engines } = JSON.parse(await read('package.json'));
const { packages } = JSON.parse(await read('package-lock.json'));

test('allowScripts names exactly the packages of the lockfile with an install script', () => {
  const withScript = Object.entries<{ hasInstallScript?: boolean }>(packages)
    .filter(([, one]) => one.hasInstallScript)
    .map(([path]) => path.split('node_modules/').at(-1) ?? '');
  expect(Object.keys(allowScripts).toSorted()).toEqual([...new Set(withScript)].toSorted());
});

test('no npm command of the image runs install scripts', async () => {
  const commands = DockerfileParser.parse(await read('Dockerfile'))
    .getInstructions()
    .filter((one) => one.getKeyword() === 'RUN')
    .flatMap((one) => (one.getArgumentsContent() ?? '').split(/&&|\|\||;/))
    .filter((command) => /\bnpm (?!run\b)/.test(command));
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toMatch(/--ignore-scripts|--package-lock-only/);
});

const npmVersion = spawnSync('npm', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const [major = 0, minor = 0] = npmVersion.split('.').map(Number);
/** npm 10, and npm 11 before 11.16, were tried: they run the scripts of denied packages. */
const readsAllowScripts = major > 11 || (major === 11 && minor >= 16);

test('the package requires an npm that supports allowScripts', () => {
  expect(engines.npm).toBe('>=11.16');
  expect(packages[''].engines).toEqual(engines);
});

describe.skipIf(!readsAllowScripts)(
  `npm with the project’s .npmrc${readsAllowScripts ? '' : ` (npm ${npmVersion || 'is missing or'} is older than 11.16)`}`,
  () => {
    let folder: string;
    let registry: Registry;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cta-scripts-'));
      registry = await startRegistry(join(folder, 'registry'), {
        allowed: {},
        denied: {},
        unlisted: {},
        parent: { dependencies: { denied: '1.0.0' }, allowScripts: { denied: false } },
      });
    });
    afterAll(async () => {
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** Installs the dependencies, and returns which scripts ran. */
    async function install(
      name: string,
      { dependencies, allow }: { dependencies: string[]; allow: Record<string, boolean> },
    ): Promise<{ code: number | null; stderr: string; ran: string[] }> {
      const cwd = join(folder, name);
      const marks = join(cwd, 'marks');
      await mkdir(cwd);
      await cp(join(ROOT, '.npmrc'), join(cwd, '.npmrc'));
      await writeFile(marks, '');
      const versions = Object.fromEntries(dependencies.map((one) => [one, '1.0.0']));
      await writeFile(
        join(cwd, 'package.json'),
        JSON.stringify({ name, private: true, dependencies: versions, allowScripts: allow }),
      );
      const env = {
        PATH: process.env.PATH,
        HOME: cwd,
        MARKS: marks,
        npm_config_registry: registry.origin,
        npm_config_cache: join(folder, 'cache'),
        npm_config_update_notifier: 'false',
      };
      const { status, stderr } = await runNpm(['install', '--no-audit', '--no-fund'], { cwd, env });
      const ran = (await readFile(marks, 'utf8')).split('\n').filter((line) => line !== '');
      return { code: status, stderr, ran: ran.toSorted() };
    }

    test('runs a script only if its package is allowed', async () => {
      const { code, stderr, ran } = await install('listed', {
        dependencies: ['allowed', 'denied'],
        allow: { allowed: true, denied: false },
      });
      expect(code, stderr).toBe(0);
      expect(ran).toEqual(['allowed']);
    });

    test('stops the installation for a package with a script that allowScripts does not name', async () => {
      const { code, stderr, ran } = await install('unlisted', {
        dependencies: ['allowed', 'unlisted'],
        allow: { allowed: true },
      });
      expect(code).toBe(1);
      expect(stderr).toContain('ESTRICTALLOWSCRIPTS');
      expect(stderr).toContain('unlisted@1.0.0');
      expect(ran).toEqual([]);
    });

    test('uses the list of the installing project, and not that of a package', async () => {
      const { code, stderr, ran } = await install('outer', {
        dependencies: ['parent'],
        allow: { denied: true, parent: false },
      });
      expect(code, stderr).toBe(0);
      expect(ran).toEqual(['denied']);
    });
  },
);

async function runNpm(
  args: readonly string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Pick<SpawnSyncReturns<string>, 'status' | 'stderr'>> {
  const child = spawn('npm', args, { cwd, env, stdio: 'pipe' });
  child.stdout.resume();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status, stderr };
}

interface Registry {
  readonly origin: string;
  close(): Promise<void>;
}

/** A registry of packages in version 1.0.0. The `postinstall` of each adds its name to `$MARKS`. */
async function startRegistry(folder: string, manifests: Record<string, object>): Promise<Registry> {
  const tarballs = new Map<string, { manifest: object; bytes: Buffer }>();
  for (const [name, more] of Object.entries(manifests)) {
    const scripts = { postinstall: `echo ${name} >> "$MARKS"` };
    const manifest = { name, version: '1.0.0', scripts, ...more };
    await mkdir(join(folder, name, 'package'), { recursive: true });
    await writeFile(join(folder, name, 'package/package.json'), JSON.stringify(manifest));
    const packed = spawnSync('tar', ['-cz', '-C', join(folder, name), 'package']);
    tarballs.set(name, { manifest, bytes: packed.stdout });
  }
  const server = createServer((request, response) => {
    const [, name = '', file] = (request.url ?? '').split('/');
    const found = tarballs.get(name);
    if (!found) {
      response.writeHead(404).end('{}');
      return;
    }
    const { manifest, bytes } = found;
    if (file) {
      response.end(bytes);
      return;
    }
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    const dist = { tarball: `${origin}/${name}/1.0.0.tgz`, integrity };
    const versions = { '1.0.0': { ...manifest, hasInstallScript: true, dist } };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
