import { beforeEach, describe, expect, test } from 'vitest';
import { previews } from '../../src/db/schema/previews.ts';
import { workers } from '../../src/db/schema/workers.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, ROOT, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let token: string;
let workspaceId: string;
beforeEach(async () => {
  const opened = await openTestApi();
  ({ db, api } = opened);
  ({ token, workspaceId } = opened.one);
  return opened.close;
});

async function addDone(sizes: number[]) {
  const batch = await addQueuedBatch(db, workspaceId, sizes);
  await finish(db, await claim(db, await addWorker(db)));
  return batch;
}
const get = (path: string) => api.rest(token, 'GET', path);
/** Follows a link in an answer. */
const follow = (link: string) => {
  expect(link).toMatch(/^https:\/\/cta\.example\//);
  return get(link.replace(`https://cta.example${ROOT}`, ''));
};
const idsOf = (answer: { body: { results: { id: string }[] } }) => answer.body.results.map((row) => row.id);

describe('pagination', () => {
  test('pages forward and back by batch, source and position, with both names', async () => {
    const first = await addQueuedBatch(db, workspaceId, [3, 2]);
    const second = await addQueuedBatch(db, workspaceId, [2]);
    const all = await get('/previews/');
    expect(all.body).toMatchObject({ next: null, previous: null });
    const order = all.body.results.map((p: { bulk_task_id: string; source_id: string; position: number }) => [
      p.bulk_task_id,
      first.sources.findIndex((s) => s.id === p.source_id),
      p.position,
    ]);
    expect(order).toEqual([
      [first.id, 0, 0],
      [first.id, 0, 1],
      [first.id, 0, 2],
      [first.id, 1, 0],
      [first.id, 1, 1],
      [second.id, -1, 0],
      [second.id, -1, 1],
    ]);
    const one = await get('/previews/?page_size=3');
    const two = await follow(one.body.next);
    const three = await follow(two.body.next);
    expect([...idsOf(one), ...idsOf(two), ...idsOf(three)]).toEqual(idsOf(all));
    expect(one.body.previous).toBeNull();
    expect(three.body.next).toBeNull();
    const back = await follow(three.body.previous);
    expect(idsOf(back)).toEqual(idsOf(two));
    const start = await follow(back.body.previous);
    expect(idsOf(start)).toEqual(idsOf(one));
    expect(start.body.previous).toBeNull();
    expect(idsOf(await follow(start.body.next))).toEqual(idsOf(two));
  });

  test('keeps filters in the links, and combines them', async () => {
    const { id } = await addDone([3]);
    await addQueuedBatch(db, workspaceId, [3]);
    const page = await get(`/previews/?bulk_task_id=${id}&status=done&page_size=2`);
    expect(page.body.results).toHaveLength(2);
    const rest = await follow(page.body.next);
    expect(rest.body.results).toHaveLength(1);
    expect(rest.body.next).toBeNull();
    const { product_id: productId } = page.body.results[0];
    expect((await get(`/previews/?product_id=${productId}`)).body.results).toHaveLength(3);
    expect((await get(`/previews/?product_id=${productId}&status=queued`)).body.results).toEqual([]);
    expect((await get('/previews/?status=queued')).body.results).toHaveLength(3);
  });

  test('returns every row exactly once while rows are added', async () => {
    for (let i = 0; i < 4; i += 1) await addQueuedBatch(db, workspaceId, [2]);
    const before = idsOf(await get('/batch/?page_size=100'));
    const seen: string[] = [];
    let page = await get('/batch/?page_size=1');
    for (;;) {
      seen.push(...idsOf(page));
      await addQueuedBatch(db, workspaceId, [1]);
      if (page.body.next === null) break;
      page = await follow(page.body.next);
    }
    expect(seen).toEqual(before);

    const added: string[] = [];
    let previewsPage = await get('/previews/?page_size=3');
    for (let i = 0; ; i += 1) {
      added.push(...idsOf(previewsPage));
      if (i < 3) await addQueuedBatch(db, workspaceId, [1]);
      if (previewsPage.body.next === null) break;
      previewsPage = await follow(previewsPage.body.next);
    }
    expect(added).toEqual(idsOf(await get('/previews/?page_size=100')));
  });

  test('lists batches newest first, with the same pages over tRPC', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.unshift((await addQueuedBatch(db, workspaceId, [1])).id);
    expect(idsOf(await get('/batch/'))).toEqual(ids);
    const client = api.client(token);
    const page = await client.batch.list.query({ pageSize: 2 });
    expect(page.items.map((batch) => batch.id)).toEqual(ids.slice(0, 2));
    expect(page.items[0]?.createdAt).toBeInstanceOf(Date);
    const next = await client.batch.list.query({ pageSize: 2, cursor: page.nextCursor ?? undefined });
    expect(next.items.map((batch) => batch.id)).toEqual(ids.slice(2));
    expect(next.nextCursor).toBeNull();
  });

  test('returns the same without the trailing slash', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    // Without a worker there is no forecast, which would change from one answer to the next.
    await db.orm.update(workers).set({ diedAt: new Date() });
    for (const path of ['/batch', '/previews', `/batch/${id}`]) {
      const [bare, slashed] = await Promise.all([get(path), get(`${path}/`)]);
      expect([bare.status, bare.body]).toEqual([slashed.status, slashed.body]);
    }
  });
});

describe('patch', () => {
  test('changes a part of a prefill, then all of it, with both content types', async () => {
    await addDone([1]);
    const [preview] = (await get('/previews/')).body.results;
    const path = `/previews/${preview.id}/`;
    const one = await api.rest(token, 'PATCH', path, {
      prefill: { headline: 'Mine', subheadline: 'Also mine' },
    });
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({
      id: preview.id,
      version: preview.version + 1,
      warnings: [],
      prefill: { ...preview.prefill, headline: 'Mine', subheadline: 'Also mine' },
    });
    const two = await api.rest(
      token,
      'PATCH',
      path,
      { prefill: { subheadline: null, colors: { text: '#ABCDEF' } } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(two.body.prefill).toEqual({
      ...one.body.prefill,
      subheadline: null,
      colors: { ...one.body.prefill.colors, text: '#abcdef' },
    });
    const whole = { ...two.body.prefill, cta_text: 'Go' };
    const three = await api.rest(token, 'PATCH', path, { prefill: whole });
    expect(three.body.prefill).toEqual(whole);
    expect((await get(path)).body.prefill).toEqual(whole);
    // The generated values are stored separately, and overrides contain only what a person changed.
    const [row] = await db.orm.select().from(previews);
    expect(row?.overrides).toEqual({
      headline: 'Mine',
      subheadline: null,
      ctaText: 'Go',
      colors: { text: '#abcdef' },
    });
    expect(row?.generated).toMatchObject({ headline: 'A red shoe', ctaText: 'Buy' });
  });

  test('changes nothing for an empty patch', async () => {
    await addDone([1]);
    const [preview] = (await get('/previews/')).body.results;
    const { body } = await api.rest(token, 'PATCH', `/previews/${preview.id}/`, { prefill: {} });
    expect(body).toEqual({ ...preview, warnings: [] });
  });

  test('loses nothing with twenty concurrent patches', async () => {
    await addDone([1]);
    const [{ id, version }] = (await get('/previews/')).body.results;
    const fields = ['headline', 'subheadline', 'body', 'cta_text', 'price_text'];
    const patches = Array.from({ length: 20 }, (_, i) =>
      i < 5
        ? { [fields[i] ?? '']: `Edit ${i}` }
        : { colors: { button: `#0000${String(i).padStart(2, '0')}` } },
    );
    const answers = await Promise.all(
      patches.map((prefill) => api.rest(token, 'PATCH', `/previews/${id}/`, { prefill })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    const { body } = await get(`/previews/${id}/`);
    for (const [i, field] of fields.entries()) expect(body.prefill[field]).toBe(`Edit ${i}`);
    expect(body.prefill.colors.button).toMatch(/^#0000(0[5-9]|1\d)$/);
    expect(body.version).toBe(version + 20);
  });

  test('returns 409 before the preview is done, and accepts low contrast with a warning', async () => {
    const { id } = await addQueuedBatch(db, workspaceId, [1]);
    const [preview] = (await get(`/previews/?bulk_task_id=${id}`)).body.results;
    const early = await api.rest(token, 'PATCH', `/previews/${preview.id}/`, { prefill: { headline: 'x' } });
    expect([early.status, early.body.code]).toEqual([409, 'not_ready']);
    await finish(db, await claim(db, await addWorker(db)));
    const colors = { background: '#ffffff', text: '#eeeeee' };
    const { status, body } = await api.rest(token, 'PATCH', `/previews/${preview.id}/`, {
      prefill: { colors },
    });
    expect(status).toBe(200);
    expect(body.prefill.colors).toMatchObject(colors);
    expect(body.warnings).toMatchObject([{ code: 'low_contrast', path: 'prefill.colors.text' }]);
  });

  test('stores our own addresses without the host', async () => {
    await addDone([2]);
    const [a, b] = (await get('/previews/')).body.results;
    const url = b.prefill.background_image_url;
    expect(url).toMatch(/^https:\/\/cta\.example\/assets\/[\w-]{32}$/);
    const patch = { prefill: { background_image_url: url } };
    const { body } = await api.rest(token, 'PATCH', `/previews/${a.id}/`, patch);
    expect(body.prefill.background_image_url).toBe(url);
    const rows = await db.orm.select().from(previews);
    const row = rows.find(({ id }) => id === a.id);
    expect(row?.overrides).toEqual({ backgroundImageUrl: url.replace('https://cta.example', '') });
  });
});

test('serves images to anyone with the key, with their content type', async () => {
  await addDone([1]);
  const [preview] = (await get('/previews/')).body.results;
  const path = new URL(preview.prefill.background_image_url).pathname;
  const image = await api.rest(undefined, 'GET', `/${path}`);
  expect(image.status).toBe(200);
  expect(image.headers).toMatchObject({
    'content-type': 'image/png',
    'x-content-type-options': 'nosniff',
    'cache-control': 'public, max-age=86400, immutable',
  });
  expect(image.body).toHaveLength(64);
  const missing = await api.rest(undefined, 'GET', `//assets/${'x'.repeat(32)}`);
  expect([missing.status, missing.body.code]).toEqual([404, 'not_found']);
});
