import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFakeHub } from '../fakes/fake-hub.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { runProgram, startProgram, WITHOUT } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { writeTinyClip } from '../support/write-tiny-clip.ts';

let db: TestDatabase;
let shop: FakeShop;
let token: string;
let folder: string;
let model: string;
beforeAll(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  ({ token } = await db.addWorkspace('one'));
  folder = await mkdtemp(join(tmpdir(), 'cta-clip-'));
  await chmod(folder, 0o755);
  model = join(folder, 'tiny-clip');
  await writeTinyClip(model);
});
afterAll(async () => {
  await shop.close();
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

const preload = (name: string) => ({
  NODE_OPTIONS: `--import=${new URL(`../support/preload-${name}.ts`, import.meta.url).href}`,
});
const settings = (more: Record<string, string> = {}) => ({
  DATABASE_URL: db.url,
  FETCH_ALLOW_HOSTS: shop.host,
  PREVIEW_RATE_LIMIT: 'off',
  ...more,
});

/**
 * Starts the program, makes a batch, and stops it. Returns how the batch's images were ranked, and
 * the log.
 */
async function rankWith(env: Record<string, string>) {
  const program = await startProgram({ env: settings(env), cwd: folder });
  const rest = createRestClient(program.address, token);
  const { id } = await rest.create([{ url: shop.productUrl('red-shoe'), batch_size: 2 }]);
  expect(await rest.follow(id)).toMatchObject({ status: 'done' });
  const previews = await rest.previews(id);
  expect(await program.stop()).toEqual({ code: 0, signal: null });
  return { rankings: previews.map(({ ranking }) => ranking), log: program.output().stderr };
}

test('ranks with a CLIP model in a folder, and stores its name with every preview', async () => {
  const hub = await startFakeHub({ id: 'test/tiny-clip', folder: model });
  const { rankings, log } = await rankWith({
    CLIP_MODEL: model,
    IMAGE_RANKER: 'clip',
    ...preload('fake-hub'),
    HF_FAKE_HUB: hub.url,
  });
  expect(hub.paths).toEqual([]);
  await hub.close();
  expect(rankings).toHaveLength(2);
  for (const ranking of rankings) {
    expect(ranking).toEqual({ method: 'clip', model: 'tiny-clip', score: expect.any(Number) });
    expect(ranking.score).toBeGreaterThanOrEqual(0);
    expect(ranking.score).toBeLessThanOrEqual(1);
  }
  expect(log).toContain('clip tiny-clip');
});

test('with a broken model, auto warns and ranks by rules, and clip does not start', async () => {
  const missing = join(folder, 'nowhere');
  const { rankings, log } = await rankWith({ CLIP_MODEL: missing });
  expect(rankings[0]).toMatchObject({ method: 'heuristic', model: null });
  expect(log).toMatch(/"level":40.*there is no folder.*ranking images by rules/);
  const { code, stderr, stdout } = await runProgram({
    env: settings({ CLIP_MODEL: missing, IMAGE_RANKER: 'clip' }),
    cwd: folder,
  });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^CLIP_MODEL cannot be loaded: there is no folder .+\.$/m);
  expect(stderr).not.toContain('    at ');
});

test('without the optional package, auto ranks by rules, and clip says what to install', async ({ skip }) => {
  if (WITHOUT.preloads) skip(WITHOUT.preloads);
  const env = { CLIP_MODEL: model, ...preload('no-transformers') };
  const { rankings, log } = await rankWith(env);
  expect(rankings[0]).toMatchObject({ method: 'heuristic', model: null });
  expect(log).toContain('npm install @huggingface/transformers');
  const { code, stderr } = await runProgram({
    env: settings({ ...env, IMAGE_RANKER: 'clip' }),
    cwd: folder,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^CLIP_MODEL cannot be loaded: the optional package .+npm install .+\.$/m);
});

test('models pull downloads a model to .data/models, which start uses', async ({ skip }) => {
  if (WITHOUT.preloads) skip(WITHOUT.preloads);
  const hub = await startFakeHub({ id: 'test/tiny-clip', folder: model });
  const pull = (id: string, HF_FAKE_HUB: string) =>
    runProgram({ args: ['models', 'pull', id], env: { ...preload('fake-hub'), HF_FAKE_HUB }, cwd: folder });
  const pulled = await pull('test/tiny-clip', hub.url);
  expect(pulled).toMatchObject({
    code: 0,
    stdout: 'The model test/tiny-clip is in .data/models and can be loaded.\n',
  });
  expect(pulled.stderr).toContain('100%');
  await stat(join(folder, '.data/models/test/tiny-clip/onnx/vision_model.onnx'));

  const asked = hub.paths.length;
  expect(await pull('test/tiny-clip', hub.url)).toMatchObject({ code: 0 });
  const { rankings } = await rankWith({
    CLIP_MODEL: 'test/tiny-clip',
    IMAGE_RANKER: 'clip',
    ...preload('fake-hub'),
    HF_FAKE_HUB: hub.url,
  });
  expect(rankings[0]).toMatchObject({ method: 'clip', model: 'test/tiny-clip' });
  expect(hub.paths.slice(asked).filter((path) => path.endsWith('.onnx'))).toEqual([]);

  const unknown = await pull('test/unknown', hub.url);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toMatch(/^The model test\/unknown cannot be downloaded: .+\.$/m);
  await hub.close();
  const away = await pull('test/other', hub.url);
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^The model test\/other cannot be downloaded: .+ECONNREFUSED.+\.$/m);
});

test('models pull checks a folder, and requires a model', async () => {
  const env = { CLIP_MODEL: model };
  const looked = await runProgram({ args: ['models', 'pull'], env, cwd: folder });
  expect(looked).toMatchObject({ code: 0, stdout: expect.stringContaining('can be loaded') });
  const nothing = await runProgram({ args: ['models', 'pull'], cwd: folder });
  expect(nothing).toMatchObject({
    code: 1,
    stderr: 'No model is named. Use "models pull ID", or set CLIP_MODEL.\n',
  });
});
