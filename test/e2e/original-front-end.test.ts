import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { poll } from '../support/poll.ts';
import { type Program, startProgram } from '../support/program.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/*
 * Tests the requests that the front end of the original system sends, and the names that it reads.
 * It does not know later additions, so answers may have more keys, but none may be missing.
 * Addresses and bodies are written out by hand, so that no change of ours can change them too.
 */

let db: TestDatabase;
let shop: FakeShop;
let program: Program;
let token: string;
beforeAll(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  ({ token } = await db.addWorkspace('one'));
  program = await startProgram({
    env: { DATABASE_URL: db.url, FETCH_ALLOW_HOSTS: shop.host, PREVIEW_RATE_LIMIT: 'off' },
  });
});
afterAll(async () => {
  expect(await program.stop()).toEqual({ code: 0, signal: null });
  await shop.close();
  await db.drop();
});

/**
 * Sends one request as the front end does. A redirect is an error, because it would lose the body
 * and the token.
 */
async function ask(method: string, path: string, body?: string, type = 'application/json') {
  const response = await fetch(path.startsWith('/') ? program.address + path : path, {
    method,
    redirect: 'error',
    headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': type }) },
    ...(body === undefined ? {} : { body }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  const answer: any = await response.json();
  return { status: response.status, headers: response.headers, body: answer };
}

const BATCH_KEYS = 'id task_id status progress sources error created_at started_at finished_at'.split(' ');
const PROGRESS_KEYS = 'total pending queued running done failed cancelled'.split(' ');
const SOURCE_KEYS = 'id url batch_size status product_id error progress'.split(' ');
const PREVIEW_KEYS =
  'id bulk_task_id source_id product_id position status prefill error ranking generator version created_at updated_at'.split(
    ' ',
  );
const PREFILL_KEYS =
  'headline subheadline body cta_text cta_url price_text product_image_url background_image_url colors locale'.split(
    ' ',
  );
const COLOR_KEYS = ['background', 'text', 'button', 'button_text'];
const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function expectKeys(value: object, keys: string[]): void {
  expect(Object.keys(value)).toEqual(expect.arrayContaining(keys));
}

// biome-ignore lint/suspicious/noExplicitAny: an answer
function expectBatch(batch: any): void {
  expectKeys(batch, BATCH_KEYS);
  expectKeys(batch.progress, PROGRESS_KEYS);
  for (const source of batch.sources) {
    expectKeys(source, SOURCE_KEYS);
    expectKeys(source.progress, PROGRESS_KEYS);
  }
  expect(batch.created_at).toMatch(ISO_DATE);
}

// biome-ignore lint/suspicious/noExplicitAny: an answer
function expectPreview(preview: any): void {
  expectKeys(preview, PREVIEW_KEYS);
  expectKeys(preview.prefill, PREFILL_KEYS);
  expectKeys(preview.prefill.colors, COLOR_KEYS);
  expectKeys(preview.ranking, ['method', 'score', 'model']);
  expect(preview.created_at).toMatch(ISO_DATE);
  expect(preview.updated_at).toMatch(ISO_DATE);
}

describe.each([
  ['with slashes at the end', '/'],
  ['without', ''],
])('%s', (_name, slash) => {
  let batchId: string;
  let productId: string;
  let ids: string[];

  test('submits, and polls task and batch until they are final', async () => {
    const sources = `{"sources":[{"url":"${shop.productUrl('red-shoe')}","batch_size":3},{"url":"${shop.productUrl('blue-lamp')}"}]}`;
    const created = await ask('POST', `/api/llm-editor/cta/batch${slash}`, sources);
    expect(created.status).toBe(201);
    expectKeys(created.body, ['bulk_generate_task_id', 'task_id', 'status', 'total']);
    expectBatch(created.body);
    expect(created.body).toMatchObject({ status: 'pending', total: 4 });
    batchId = created.body.bulk_generate_task_id;
    expect(created.headers.get('location')).toBe(`${program.address}/api/llm-editor/cta/batch/${batchId}/`);

    const { body: task } = await poll(
      () => ask('GET', `/api/llm-editor/cta/tasks/${created.body.task_id}${slash}`),
      ({ body }) => !['PENDING', 'STARTED'].includes(body.status),
    );
    expect(task).toMatchObject({ task_id: created.body.task_id, status: 'SUCCESS' });
    const { body: batch } = await poll(
      () => ask('GET', `/api/llm-editor/cta/batch/${batchId}${slash}`),
      ({ body }) => ['done', 'failed', 'cancelled'].includes(body.status),
    );
    expectBatch(batch);
    expect(batch).toMatchObject({
      id: batchId,
      task_id: created.body.task_id,
      status: 'done',
      error: null,
      progress: { total: 4, pending: 0, queued: 0, running: 0, done: 4, failed: 0, cancelled: 0 },
      sources: [
        { url: shop.productUrl('red-shoe'), batch_size: 3, status: 'done', error: null },
        { url: shop.productUrl('blue-lamp'), batch_size: 1, status: 'done', error: null },
      ],
      finished_at: expect.stringMatching(ISO_DATE),
    });
    productId = batch.sources[0].product_id;
    const { body: list } = await ask('GET', `/api/llm-editor/cta/batch${slash}`);
    expect(list.results[0]).toEqual(batch);
  });

  test('lists the previews of a batch and of a product', async () => {
    const ofBatch = await ask('GET', `/api/llm-editor/cta/previews${slash}?bulk_task_id=${batchId}`);
    expect(ofBatch.body).toMatchObject({ next: null, previous: null });
    expect(ofBatch.body.results).toHaveLength(4);
    for (const preview of ofBatch.body.results) {
      expectPreview(preview);
      expect(preview).toMatchObject({ bulk_task_id: batchId, status: 'done', error: null });
    }
    ids = ofBatch.body.results.map(({ id }: { id: string }) => id);
    const ofProduct = await ask('GET', `/api/llm-editor/cta/previews${slash}?product_id=${productId}`);
    const found = ofProduct.body.results.filter((preview: { id: string }) => ids.includes(preview.id));
    expect(found).toEqual(ofBatch.body.results.slice(0, 3));
    for (const preview of ofProduct.body.results) expect(preview.product_id).toBe(productId);
    const one = await ask('GET', `/api/llm-editor/cta/previews/${ids[0]}${slash}`);
    expect(one.body).toEqual(ofBatch.body.results[0]);
  });

  test('pages to the last page and back', async () => {
    const first = `/api/llm-editor/cta/previews${slash}?bulk_task_id=${batchId}&page_size=1`;
    const there = await walk(first, 'next');
    expect(there.seen).toEqual(ids);
    const back = await walk(there.last, 'previous');
    expect(back.seen).toEqual(ids.toReversed());
  });

  /** Follows a link until there is none, without changing it. */
  async function walk(first: string, link: 'next' | 'previous') {
    const seen: string[] = [];
    let last = first;
    for (let at: string | null = first; at !== null; ) {
      last = at;
      const { status, body } = await ask('GET', at);
      expect(status).toBe(200);
      expect(body.results).toHaveLength(1);
      seen.push(body.results[0].id);
      expect(seen.length).toBeLessThanOrEqual(ids.length);
      at = body[link];
    }
    return { seen, last };
  }

  test('changes one field of a prefill', async () => {
    const path = `/api/llm-editor/cta/previews/${ids[0]}${slash}`;
    const before = (await ask('GET', path)).body;
    const changed = await ask('PATCH', path, '{"prefill":{"headline":"Only this week"}}');
    expect(changed.status).toBe(200);
    expectPreview(changed.body);
    expect(changed.body.prefill).toEqual({ ...before.prefill, headline: 'Only this week' });
    expect((await ask('GET', path)).body.prefill).toEqual(changed.body.prefill);
  });

  test.each(['application/json', 'application/merge-patch+json'])('changes all fields (%s)', async (type) => {
    const path = `/api/llm-editor/cta/previews/${ids[1]}${slash}`;
    const prefill = {
      headline: 'A chair',
      subheadline: null,
      body: 'To sit on.',
      cta_text: 'Buy',
      cta_url: 'https://shop.example/chair',
      price_text: '€ 12.50',
      product_image_url: 'https://shop.example/chair.jpg',
      background_image_url: 'https://shop.example/room.jpg',
      colors: { background: '#ffffff', text: '#111111', button: '#005500', button_text: '#fefefe' },
      locale: 'de',
    };
    expectKeys(prefill, PREFILL_KEYS);
    const changed = await ask('PATCH', path, JSON.stringify({ prefill }), type);
    expect(changed.status).toBe(200);
    expectPreview(changed.body);
    expect(changed.body.prefill).toEqual(prefill);
    expect((await ask('GET', path)).body.prefill).toEqual(prefill);
  });
});
