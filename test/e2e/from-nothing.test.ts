import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { runProgram, startProgram, WITHOUT } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';

/*
 * Tests a fresh clone of the project without DATABASE_URL: it uses the embedded PostgreSQL in
 * ./.data.
 */

let folder: string;
let shop: FakeShop;
let env: Record<string, string>;
beforeEach(async ({ skip }) => {
  if (WITHOUT.embeddedServer) skip(WITHOUT.embeddedServer);
  folder = await mkdtemp(join(tmpdir(), 'cta-e2e-'));
  // If the test runs as root, the server runs as another user, which must have access.
  await chmod(folder, 0o755);
  shop = await startFakeShop();
  env = { FETCH_ALLOW_HOSTS: shop.host, PREVIEW_RATE_LIMIT: 'off' };
});
afterEach(async () => {
  await shop.close();
  await rm(folder, { recursive: true, force: true });
});

const start = () => startProgram({ env, cwd: folder });
const readToken = async () => (await readFile(join(folder, '.data/token'), 'utf8')).trim();

/**
 * Returns the process id in the lock file of this folder's server, or undefined if that does not
 * run.
 */
async function findServer(): Promise<number | undefined> {
  const data = (await readdir(join(folder, '.data'))).find((name) => name === 'postgres');
  const lock = await readFile(join(folder, '.data', data ?? '', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(lock.split('\n')[0]);
  return pid > 0 && spawnSync('kill', ['-0', String(pid)]).status === 0 ? pid : undefined;
}

test('keeps everything over Ctrl-C and a new start', async () => {
  const first = await start();
  const { stdout } = first.output();
  expect(stdout).toContain('curl -s http://127.0.0.1:');
  // The output is not a terminal, so the token itself is not shown.
  const token = await readToken();
  expect(stdout).not.toContain(token);
  expect((await stat(join(folder, '.data/token'))).mode & 0o777).toBe(0o600);
  const rest = createRestClient(first.address, token);
  const { id } = await rest.create([{ url: shop.productUrl('red-shoe'), batch_size: 2 }]);
  const before = await rest.follow(id);
  expect(before).toMatchObject({ status: 'done' });
  expect(await first.stop('SIGINT')).toEqual({ code: 0, signal: null });
  expect(await findServer()).toBeUndefined();

  const second = await start();
  expect(await readToken()).toBe(token);
  const { body } = await createRestClient(second.address, token).call('GET', `/batch/${id}/`);
  expect(body).toEqual(before);
  expect((await second.stop()).code).toBe(0);
});

test('starts with complete data after a SIGKILL, and a second program joins without ending the server', async () => {
  const first = await start();
  const token = await readToken();
  const { id } = await createRestClient(first.address, token).create([
    { url: shop.productUrl('cup'), batch_size: 3 },
  ]);
  await first.stop('SIGKILL');
  expect(await findServer()).toBeTypeOf('number');

  const second = await start();
  const rest = createRestClient(second.address, token);
  expect(await rest.follow(id)).toMatchObject({ status: 'done', progress: { done: 3 } });
  const joined = await runProgram({ args: ['token', 'create', '--workspace', 'team'], env, cwd: folder });
  expect(joined.code).toBe(0);
  expect(joined.stdout).toMatch(/^cta_[\w-]{32}\n$/);
  const team = createRestClient(second.address, joined.stdout.trim());
  expect((await team.call('GET', '/batch/')).body.results).toEqual([]);
  expect((await team.call('GET', `/batch/${id}/`)).status).toBe(404);
  await second.stop();
  expect(await findServer()).toBeUndefined();
});

test('starts two programs at the same time in an empty folder', async () => {
  const [one, two] = await Promise.all([start(), start()]);
  const token = await readToken();
  for (const program of [one, two]) {
    expect((await createRestClient(program.address, token).call('GET', '/batch/')).status).toBe(200);
  }
  await Promise.all([one.stop(), two.stop()]);
  expect(await findServer()).toBeUndefined();
});

test('generate shows progress and a table, and writes images and a page', async () => {
  const out = join(folder, 'out');
  const done = await runProgram({
    args: [
      'generate',
      shop.productUrl('red-shoe'),
      `${shop.origin}/products/lamp?lang=de`,
      '--size',
      '2',
      '--out',
      out,
    ],
    env,
    cwd: folder,
  });
  expect(done.code).toBe(0);
  expect(done.stdout).toContain('done');
  expect(done.stdout).toContain(join(out, 'index.html'));
  expect(done.stderr).toMatch(/4\/4/);
  const files = await readdir(out);
  expect(files.filter((file) => file.endsWith('.jpg'))).toHaveLength(8);
  const page = await readFile(join(out, 'index.html'), 'utf8');
  expect(page.match(/<article/g)).toHaveLength(4);
  for (const [, file] of page.matchAll(/src="([^"]+)"/g)) expect(files).toContain(file);
  const failed = await runProgram({
    args: ['generate', `${shop.origin}/gone`, '--out', out],
    env,
    cwd: folder,
  });
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/page does not\s/);
  expect(await findServer()).toBeUndefined();
});
