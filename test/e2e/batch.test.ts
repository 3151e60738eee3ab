import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCtaBatchClient } from '../../src/client/index.ts';
import { type FakeAi, startFakeAi } from '../fakes/fake-ai.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { type Program, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let shop: FakeShop;
let ai: FakeAi;
let token: string;
beforeAll(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  ai = await startFakeAi({ latencyMs: 150 });
  ({ token } = await db.addWorkspace('one'));
});
afterAll(async () => {
  await ai.close();
  await shop.close();
  await db.drop();
});

const settings = (more: Record<string, string> = {}) => ({
  DATABASE_URL: db.url,
  FETCH_ALLOW_HOSTS: shop.host,
  PREVIEW_RATE_LIMIT: 'off',
  ...more,
});
const withAi = (more: Record<string, string> = {}) =>
  settings({
    AI_BASE_URL: ai.baseUrl,
    AI_API_KEY: 'fake',
    AI_TEXT_MODEL: 'text-x',
    AI_IMAGE_MODEL: 'image-x',
    ...more,
  });

describe('with an AI service', () => {
  let program: Program;
  beforeAll(async () => {
    program = await startProgram({ env: withAi() });
  });
  afterAll(async () => {
    expect(await program.stop()).toEqual({ code: 0, signal: null });
  });

  test('generates prefills and images from the address of a page', async () => {
    const rest = createRestClient(program.address, token);
    const created = await rest.create([
      { url: `${shop.productUrl('red-shoe')}?images=3&utm_source=mail#top`, batch_size: 4 },
      { url: shop.productUrl('blue-lamp') },
    ]);
    expect(created).toMatchObject({ total: 5, bulk_generate_task_id: created.id, error: null });
    const task = await rest.call('GET', `/tasks/${created.task_id}/`);
    expect(['PENDING', 'STARTED', 'SUCCESS']).toContain(task.body.status);
    const batch = await rest.follow(created.id);
    expect(batch).toMatchObject({
      status: 'done',
      progress: { total: 5, done: 5 },
      finished_at: expect.any(String),
    });
    expect(await rest.call('GET', `/tasks/${created.task_id}/`)).toMatchObject({
      body: { task_id: created.task_id, status: 'SUCCESS', bulk_generate_task_id: created.id },
    });

    const previews = await rest.previews(created.id);
    expect(previews.map((p) => p.position)).toEqual([0, 1, 2, 3, 0]);
    for (const preview of previews) {
      const { prefill } = preview;
      expect(preview).toMatchObject({
        status: 'done',
        error: null,
        ranking: { method: 'heuristic' },
        generator: { text: { provider: 'openai' }, image: { provider: 'openai' } },
      });
      expect(prefill.headline.length).toBeGreaterThan(0);
      for (const url of [prefill.product_image_url, prefill.background_image_url]) {
        expect(url.startsWith(`${program.address}/assets/`)).toBe(true);
        const image = await fetch(url);
        expect(image.status).toBe(200);
        expect(image.headers.get('content-type')).toMatch(/^image\//);
        expect((await image.arrayBuffer()).byteLength).toBeGreaterThan(100);
      }
    }
    // The address is the page's own, without tracking parameters.
    expect(previews[0].prefill.cta_url).toBe(shop.productUrl('red-shoe'));
    expect(ai.calls.filter((call) => call.kind === 'text')).toHaveLength(5);
    expect(new Set(ai.calls.map((call) => call.idempotencyKey)).size).toBe(10);
    expect(ai.calls[0]?.authorization).toBe('Bearer fake');
  });

  test('accepts a name, a language, a tone, a given product and another image', async () => {
    const rest = createRestClient(program.address, token);
    const hidden = `${shop.origin}/no-such-page`;
    const created = await rest.call('POST', '/batch/', {
      name: 'Autumn',
      sources: [
        {
          url: hidden,
          batch_size: 1,
          locale: 'de-AT',
          tone: 'dry and short',
          product: {
            title: 'Hidden Chair',
            price_text: '€ 12,50',
            image_urls: [1, 2].map((n) => `${shop.origin}/images/hidden-${n}.jpg`),
          },
        },
      ],
    });
    expect(created).toMatchObject({ status: 201, body: { name: 'Autumn' } });
    const batch = await rest.follow(created.body.id);
    expect(batch).toMatchObject({ name: 'Autumn', status: 'done' });
    expect(batch.sources).toMatchObject([{ url: hidden, locale: 'de-AT', tone: 'dry and short' }]);
    const [preview] = await rest.previews(batch.id);
    expect(preview.prefill).toMatchObject({ cta_url: hidden, price_text: '€ 12,50', locale: 'de-AT' });
    const asked = () =>
      ai.calls.filter((call) => call.kind === 'text' && JSON.stringify(call.body).includes('Hidden Chair'));
    expect(asked()).toHaveLength(1);
    expect(JSON.stringify(asked()[0]?.body)).toContain('dry and short');

    const { body: product } = await rest.call('GET', `/products/${preview.product_id}/`);
    expect(product).toMatchObject({
      url: hidden,
      title: 'Hidden Chair',
      provenance: { price_text: 'given' },
    });
    expect(product.images).toHaveLength(2);
    const other = product.images.find((image: { id: string }) => image.id !== preview.image_id);
    await rest.call('PATCH', `/previews/${preview.id}/`, { prefill: { headline: 'Mine' } });
    const patched = await rest.call('PATCH', `/previews/${preview.id}/`, { image_id: other.id });
    expect(patched).toMatchObject({ status: 200, body: { image_id: other.id, status: 'queued' } });
    await rest.follow(batch.id);
    const { body: again } = await rest.call('GET', `/previews/${preview.id}/`);
    expect(again).toMatchObject({
      status: 'done',
      image_id: other.id,
      prefill: { headline: 'Mine', product_image_url: other.url },
    });
    expect(again.prefill.background_image_url).not.toBe(preview.prefill.background_image_url);
    expect(asked()).toHaveLength(2);

    for (const image_id of [batch.id, 'x']) {
      expect(await rest.call('PATCH', `/previews/${preview.id}/`, { image_id })).toMatchObject({
        status: 400,
        body: { code: 'validation', errors: [{ path: 'image_id' }] },
      });
    }
    expect(await rest.call('PATCH', `/previews/${preview.id}/`, {})).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'prefill' }] },
    });
  });

  test('ends the calls of a canceled batch at once, and continues a retried one', async () => {
    const rest = createRestClient(program.address, token);
    const before = ai.calls.length;
    ai.setScript(() => ({ do: 'ok', delayMs: 60_000 }));
    const created = await rest.create([{ url: shop.productUrl('green-cup'), batch_size: 2 }]);
    await ai.waitForCalls(before + 4);
    const cancelled = await rest.call('POST', `/batch/${created.id}/cancel/`);
    expect(cancelled).toMatchObject({
      status: 200,
      body: { status: 'cancelled', progress: { cancelled: 2 } },
    });
    await ai.waitFor((calls) => calls.slice(before).every((call) => call.outcome === 'abandoned'));
    expect(await rest.call('GET', `/tasks/${created.task_id}/`)).toMatchObject({
      body: { status: 'REVOKED' },
    });
    expect(await rest.call('POST', `/batch/${created.id}/cancel/`)).toMatchObject({ status: 200 });
    ai.setScript(undefined);
    expect(await rest.call('POST', `/batch/${created.id}/retry/`)).toMatchObject({ status: 200 });
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 2 } });
    const again = await rest.call('POST', `/batch/${created.id}/retry/`);
    expect(again).toMatchObject({ status: 409, body: { code: 'nothing_to_retry' } });
    expect(ai.calls.length).toBe(before + 8);
  });

  test('reports the reason for each failed source and preview of a partly failed batch', async () => {
    const rest = createRestClient(program.address, token);
    const pages = ['/gone', '/article', '/no-images', '/pdf'];
    const created = await rest.create([
      ...pages.map((path) => ({ url: `${shop.origin}${path}`, batch_size: 2 })),
      { url: shop.productUrl('green-chair'), batch_size: 2 },
    ]);
    const batch = await rest.follow(created.id);
    expect(batch).toMatchObject({ status: 'done', progress: { done: 2, failed: 8 } });
    expect(batch.sources.map((source) => source.error?.code ?? null)).toEqual([
      'page_gone',
      'not_a_product',
      'no_usable_picture',
      'page_not_html',
      null,
    ]);
    const [first] = await rest.previews(created.id);
    expect(first).toMatchObject({
      status: 'failed',
      prefill: null,
      error: { code: 'page_gone', retryable: false },
    });
  });

  test('fails the source, and not the request, for an address that is not public', async () => {
    const rest = createRestClient(program.address, token);
    const created = await rest.create([{ url: 'http://169.254.169.254/latest/meta-data/' }]);
    const batch = await rest.follow(created.id);
    expect(batch).toMatchObject({ status: 'failed', error: { code: 'address_refused' } });
    expect(JSON.stringify(batch.error)).not.toContain('169.254');
  });

  test('returns the same to the typed client', async () => {
    const client = createCtaBatchClient({ url: program.address, token });
    const created = await client.batch.create.mutate({
      sources: [{ url: shop.productUrl('cup'), batchSize: 2 }],
    });
    await createRestClient(program.address, token).follow(created.id);
    const [batch, task, page] = await Promise.all([
      client.batch.get.query({ id: created.id }),
      client.batch.task.query({ taskId: created.taskId }),
      client.previews.list.query({ bulkTaskId: created.id }),
    ]);
    expect(batch.finishedAt).toBeInstanceOf(Date);
    expect(task.status).toBe('SUCCESS');
    const [preview] = page.items;
    if (!preview) throw new Error('a preview was expected');
    const patched = await client.previews.patch.mutate({ id: preview.id, prefill: { headline: 'Mine' } });
    expect(patched.prefill).toEqual({ ...preview.prefill, headline: 'Mine' });
    expect(await client.previews.get.query({ id: preview.id })).toMatchObject({
      version: preview.version + 1,
    });
  });

  test('retries temporary failures of the provider, and reports permanent ones', async () => {
    const rest = createRestClient(program.address, token);
    const before = ai.calls.length;
    let failures = 0;
    ai.setScript((_index, kind) => {
      if (kind === 'image') return undefined;
      failures += 1;
      return failures <= 2 ? { do: 'status', status: 500 } : 'long-texts';
    });
    const created = await rest.create([{ url: shop.productUrl('pan'), batch_size: 1 }]);
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
    const [preview] = await rest.previews(created.id);
    expect([...preview.prefill.headline].length).toBeLessThanOrEqual(80);
    expect([...preview.prefill.body].length).toBeLessThanOrEqual(400);
    const keys = ai.calls.slice(before).map((call) => call.idempotencyKey);
    expect([keys.length, new Set(keys).size]).toEqual([4, 2]);

    ai.setScript((_index, kind) => (kind === 'text' ? 'refuse' : undefined));
    const refused = await rest.create([{ url: shop.productUrl('pan'), batch_size: 1 }]);
    expect(await rest.follow(refused.id)).toMatchObject({ status: 'failed' });
    expect((await rest.previews(refused.id))[0].error.code).toBe('ai_refused');
    ai.setScript(undefined);
  });
});

test('generates everything offline without a key', async () => {
  const program = await startProgram({ env: settings() });
  const rest = createRestClient(program.address, token);
  const created = await rest.create([{ url: `${shop.productUrl('red-shoe')}?images=2`, batch_size: 3 }]);
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 3 } });
  const previews = await rest.previews(created.id);
  expect(previews[0].generator.text.provider).toBe('offline');
  expect(new Set(previews.map((p) => p.prefill.headline)).size).toBe(3);
  expect(new Set(previews.map((p) => p.prefill.background_image_url)).size).toBe(3);
  expect(await program.stop('SIGINT')).toEqual({ code: 0, signal: null });
});

test('an incomplete request does not keep the program from stopping', async () => {
  const program = await startProgram({ args: ['start', '--role', 'api'], env: settings() });
  const { hostname, port } = new URL(program.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const head = ['POST /api/llm-editor/cta/batch/ HTTP/1.1', 'Host: x', `Authorization: Bearer ${token}`];
  socket.write([...head, 'Content-Type: application/json', 'Content-Length: 100', '', '{'].join('\r\n'));
  await once(socket, 'connect');
  // This request follows on another connection. When it is answered, the program has read the first
  // one.
  await createRestClient(program.address, token).call('GET', '/batch/');
  expect(await program.stop()).toEqual({ code: 0, signal: null });
  socket.destroy();
});
