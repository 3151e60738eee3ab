import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld, type World } from '../support/start-world.ts';
import { writeTinyClip } from '../support/write-tiny-clip.ts';

/* Tests the single executable on a machine that has nothing else. */

const isBuildable = process.platform === 'linux' && process.arch === 'x64';
const BUILD_MS = 180_000;

describe.skipIf(!isBuildable)(`the single executable${isBuildable ? '' : ' (for Linux x64 only)'}`, () => {
  let world: World;
  let folder: string;
  let home: string;
  let binary: string;
  let model: string;
  beforeAll(async () => {
    await promisify(execFile)(process.execPath, ['scripts/build-binary.ts']);
    folder = await mkdtemp(join(tmpdir(), 'cta-binary-'));
    [home, binary] = [join(folder, 'home'), join(folder, 'alone/cta-batch')];
    await mkdir(home);
    await mkdir(join(folder, 'alone'));
    await copyFile('build/cta-batch', binary);
    model = join(folder, 'tiny-clip');
    await writeTinyClip(model);
    world = await startWorld();
  }, BUILD_MS);
  afterAll(async () => {
    await world.end();
    await rm(folder, { recursive: true, force: true });
  });

  /** An environment without Node.js and with only these variables. */
  const surroundings = () => ({
    PATH: '/nonexistent',
    HOME: home,
    TMPDIR: join(folder, 'tmp'),
    CTA_BATCH_CACHE: '',
  });
  const settings = () => ({
    ...surroundings(),
    DATABASE_URL: world.db.url,
    FETCH_ALLOW_HOSTS: world.shop.host,
    AI_BASE_URL: world.ai.baseUrl,
    AI_API_KEY: 'fake',
    PREVIEW_RATE_LIMIT: 'off',
  });
  const cwd = () => join(folder, 'alone');
  const run = (args: string[], env: Record<string, string> = {}) =>
    runProgram({ binary, args, cwd: cwd(), env: { ...surroundings(), ...env } });
  const generate = (env: Record<string, string>) =>
    run(['generate', world.shop.productUrl('cup'), '--size', '1', '--out', join(folder, 'generated')], env);
  const unpacked = () => join(home, '.cache/cta-batch');

  test('prints its version, commands and licenses without unpacking anything', async () => {
    const version = await run(['--version']);
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(
      /^\d+\.\d+\.\d+ \((commit \w+(-dirty)?, \S+Z, )?Node\.js 24\.\d+\.\d+\)\n$/,
    );
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('generate [options]'),
    });
    const { code, stdout } = await run(['licenses']);
    expect(code).toBe(0);
    for (const part of [
      'Node.js v24.',
      'fastify 5.',
      'sharp 0.',
      '@img/sharp-libvips-linux-x64 1',
      'onnxruntime-node 1.',
    ])
      expect(stdout).toContain(`\n${part}`);
    expect(await readdir(home)).toEqual([]);
  });

  test('says what to set if DATABASE_URL is missing', async () => {
    expect(await run(['migrate'])).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^The embedded PostgreSQL .+single executable never has it\). Set DATABASE_URL .+\.\n$/,
      ),
    });
  });

  test('generates previews with CLIP when two start at the same time in empty folders', async () => {
    const env = { ...settings(), CLIP_MODEL: model, IMAGE_RANKER: 'clip' };
    const both = ['all', 'worker'].map((role) =>
      startProgram({ binary, args: ['start', '--role', role], cwd: cwd(), env }),
    );
    const [api, worker] = await Promise.all(both);
    if (!api || !worker) return expect.unreachable();
    const [name = '', ...others] = await readdir(unpacked());
    expect([name, ...others]).toEqual([expect.stringMatching(/^[\da-f]{32}$/)]);
    expect(await readdir(join(unpacked(), name))).toEqual(['node_modules']);

    const { token } = await world.db.addWorkspace('one');
    const rest = createRestClient(api.address, token);
    const { id } = await rest.create([{ url: world.shop.productUrl('red-shoe'), batch_size: 2 }]);
    expect(await rest.follow(id)).toMatchObject({ status: 'done', progress: { done: 2 } });
    for (const preview of await rest.previews(id)) {
      expect(preview.ranking).toMatchObject({ method: 'clip', model: 'tiny-clip' });
      expect(preview.generator).toMatchObject({ text: { provider: 'openai' } });
      const image = await fetch(preview.prefill.background_image_url);
      expect([image.status, image.headers.get('content-type')]).toEqual([
        200,
        expect.stringMatching(/^image\//),
      ]);
    }
    for (const [path, text] of [
      ['/openapi.json', '"openapi":"3.1'],
      ['/errors', 'page_too_large'],
      ['/docs/', 'js/scalar.js'],
      ['/docs/js/scalar.js', 'Scalar'],
    ] as const) {
      const answer = await fetch(`${api.address}${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).toContain(text);
    }
    const flags = [...(await listChildFlags(api.pid)), ...(await listChildFlags(worker.pid))];
    expect(flags).toContain('--node-options=--max-old-space-size=128 --single-threaded-gc');
    expect(flags).toContain('--node-options=--max-old-space-size=400 --single-threaded-gc');
    expect(flags).toContain('--node-options=--max-old-space-size=512 --single-threaded-gc');
    for (const program of [api, worker]) expect(await program.stop()).toEqual({ code: 0, signal: null });
  });

  test('runs its commands', async () => {
    const out = join(folder, 'out');
    const urls = [world.shop.productUrl('cup')];
    const done = await run(['generate', ...urls, '--size', '1', '--out', out], settings());
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining(join(out, 'index.html')) });
    expect((await readdir(out)).filter((file) => file.endsWith('.jpg'))).toHaveLength(2);
    const limits = await run(['limits', '--json'], settings());
    expect(limits.code).toBe(0);
    expect(JSON.parse(limits.stdout)).toMatchObject({ rate: 'off' });
  });

  test('replaces a damaged library, and refuses a folder that is accessible to others', async () => {
    const [name = ''] = await readdir(unpacked());
    const folders = join(unpacked(), name, 'node_modules/@img/sharp-libvips-linux-x64/lib');
    const [library = ''] = await readdir(folders);
    const before = await readFile(join(folders, library));
    await truncate(join(folders, library), 1000);
    expect(await generate(settings())).toMatchObject({ code: 0 });
    expect(before.equals(await readFile(join(folders, library)))).toBe(true);
    expect(await readdir(folders)).toEqual([library]);
    await chmod(unpacked(), 0o755);
    expect(await generate(settings())).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Images cannot be decoded: The folder .+ 0700\. Set .+\.\n$/),
    });
    await chmod(unpacked(), 0o700);
  });

  test('uses the temporary folder if the home folder is not writable', async () => {
    await mkdir(join(folder, 'tmp'));
    const env = { ...settings(), HOME: '/proc/nowhere' };
    expect(await generate(env)).toMatchObject({ code: 0 });
    expect(await readdir(join(folder, 'tmp'))).toEqual([`cta-batch-${process.getuid?.()}`]);
    const own = { ...env, CTA_BATCH_CACHE: '/proc/nowhere' };
    expect(await generate(own)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^Images cannot be decoded: The native libraries cannot be unpacked to .+\.\n$/,
      ),
    });
    // A command that decodes no images does not need the libraries.
    expect(await run(['extract', world.shop.productUrl('cup')], own)).toMatchObject({ code: 0 });
  });

  test('ends the process of a page that needs too much memory', async () => {
    const many = Array(2_000_000).fill('{}').join(',');
    const html = `<title>Cup</title><script type="application/ld+json">{"@type":"Product","name":"Cup","x":[${many}]}</script>`;
    const page = { html: Buffer.from(html), contentType: 'text/html', url: 'https://shop.example/cup' };
    async function read(heapMb: number): Promise<unknown> {
      const child = fork(join(folder, 'parse-page-process.cjs'), {
        execPath: binary,
        execArgv: [`--node-options=--max-old-space-size=${heapMb} --single-threaded-gc`],
        env: {},
        serialization: 'advanced',
        stdio: 'ignore',
      });
      const ended = once(child, 'exit').then(([, signal]) => signal);
      const [greeting] = await once(child, 'message');
      expect(greeting).toEqual({ isReady: true });
      const answered = once(child, 'message').then(([reply]) => reply.response);
      child.send({ id: 'a page', request: page });
      const result = await Promise.race([answered, ended]);
      child.kill('SIGKILL');
      await ended;
      return result;
    }
    expect(await read(400)).toMatchObject({ product: { title: 'Cup' } });
    expect(await read(50)).toBe('SIGABRT');
  });
});

/** Returns the first argument of each child process of a program. */
async function listChildFlags(pid: number): Promise<string[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .trim()
    .split(' ')
    .filter(Boolean);
  const lines = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
  return lines.map((line) => line.split('\0')[1] ?? '');
}
