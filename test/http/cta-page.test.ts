import { eq } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { previews } from '../../src/db/schema/previews.ts';
import { makeEmbedKey } from '../../src/previews/embed-key.ts';
import { retryPreview } from '../../src/previews/retry-preview.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let one: TestWorkspace;
let two: TestWorkspace;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api, one, two } = opened);
  return opened.close;
});

/** Adds finished previews of a workspace, and returns them as REST does. */
async function addDone({ workspaceId, token }: typeof one, size = 1) {
  const { id } = await addQueuedBatch(db, workspaceId, [size]);
  await finish(db, await claim(db, await addWorker(db)));
  return (await api.rest(token, 'GET', `/previews/?bulk_task_id=${id}`)).body.results;
}

const pathOf = ({ embed_url: url }: { embed_url: string }) => new URL(url).pathname;

/** Sends a request without a token, as a frame does. */
const ask = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  api.app.inject({ method, url, headers });

describe('the address', () => {
  test('exists when the preview is done, is the same in both APIs, and stays during regeneration', async () => {
    const { id } = await addQueuedBatch(db, one.workspaceId, [1]);
    const list = async () => (await api.rest(one.token, 'GET', `/previews/?bulk_task_id=${id}`)).body.results;
    const [waiting] = await list();
    expect(waiting.embed_url).toBeNull();
    await finish(db, await claim(db, await addWorker(db)));
    const [done] = await list();
    expect(done.embed_url).toMatch(/^https:\/\/cta\.example\/cta\/[\da-f-]{36}\.[\da-f]{64}$/);
    const overTrpc = await api.client(one.token).previews.get.query({ id: done.id });
    expect(overTrpc.embedUrl).toBe(done.embed_url);
    const options = { workspaceId: one.workspaceId, id: done.id, baseUrl: 'https://cta.example' };
    const again = await retryPreview(db.deps, options);
    expect(again).toMatchObject({ status: 'queued', embedUrl: done.embed_url });
    expect((await ask(pathOf(done))).statusCode).toBe(200);
  });

  test('can be revoked and renewed over both APIs, and earlier addresses never work again', async () => {
    const [preview] = await addDone(one);
    const first = pathOf(preview);
    const revoked = await api.rest(one.token, 'POST', `/previews/${preview.id}/revoke-embed/`);
    expect(revoked.body).toMatchObject({ embed_url: null, status: 'done', version: preview.version + 1 });
    expect((await ask(first)).statusCode).toBe(404);
    // Idempotent: nothing changes.
    const again = await api.client(one.token).previews.revokeEmbed.mutate({ id: preview.id });
    expect(again).toMatchObject({ embedUrl: null, version: preview.version + 1 });

    const renewed = await api.client(one.token).previews.renewEmbed.mutate({ id: preview.id });
    const second = pathOf({ embed_url: renewed.embedUrl ?? '' });
    const replaced = await api.rest(one.token, 'POST', `/previews/${preview.id}/renew-embed/`);
    const third = pathOf(replaced.body);
    expect(new Set([first, second, third]).size).toBe(3);
    const statuses = await Promise.all(
      [first, second, third].map(async (path) => (await ask(path)).statusCode),
    );
    expect(statuses).toEqual([404, 404, 200]);
    // A cache must ask again before it shows a stored page.
    expect((await ask(third)).headers['cache-control']).toBe('no-cache');
  });

  test('cannot be revoked or renewed by another workspace', async () => {
    const [preview] = await addDone(one);
    for (const verb of ['revoke-embed', 'renew-embed']) {
      expect((await api.rest(two.token, 'POST', `/previews/${preview.id}/${verb}/`)).status).toBe(404);
    }
    expect((await ask(pathOf(preview))).statusCode).toBe(200);
  });

  test('returns a plain 404 before the preview is done', async () => {
    const { id } = await addQueuedBatch(db, one.workspaceId, [2]);
    const rows = await db.orm.select().from(previews).where(eq(previews.batchId, id));
    await db.orm
      .update(previews)
      .set({ status: 'failed', errorCode: 'ai_refused', finishedAt: new Date() })
      .where(eq(previews.id, rows[0]?.id ?? ''));
    await api.rest(one.token, 'POST', `/previews/${rows[1]?.id}/cancel/`);
    const [failed, cancelled] = await Promise.all(rows.map((row) => ask(`/cta/${makeEmbedKey(row)}`)));
    for (const answer of [failed, cancelled]) expect(answer?.statusCode).toBe(404);
  });

  test('with a wrong part is treated like an unknown address', async () => {
    const [mine, other] = await addDone(one, 2);
    const [theirs] = await addDone(two);
    const [a, b, c] = [mine, other, theirs].map((row) => pathOf(row).slice('/cta/'.length));
    if (!a || !b || !c) throw new Error('there are three');
    const mixed = (id: string, secret: string) => id.slice(0, 37) + secret.slice(37);
    const flipped = (at: number) => a.slice(0, at) + (a[at] === '0' ? '1' : '0') + a.slice(at + 1);
    const nobodys = await ask(`/cta/018f0000-0000-7000-8000-000000000000.${'0'.repeat(64)}`);
    expect(nobodys.statusCode).toBe(404);
    expect(nobodys.json()).toMatchObject({ code: 'not_found', detail: 'There is no CTA at this address.' });
    expect((await ask(`/cta/${mixed(a, a)}`)).statusCode).toBe(200);
    for (const key of [
      mixed(a, b),
      mixed(b, a),
      mixed(a, c),
      mixed(c, a),
      ...[0, 35, 36, 37, 100].map(flipped),
      mixed(a, '0'.repeat(101)),
      mine.id,
      `${mine.id}.`,
      a.slice(0, -1),
      `${a}0`,
      `${a}.`,
      a.toUpperCase(),
      a.replace(/^./, '%00'),
      a.replace(/^./, "'"),
      a.replace(/.$/, '%C3%A9'),
      `${a}%2F`,
      '%E0%A4%A',
    ]) {
      const answer = await ask(`/cta/${key}`);
      expect([key, answer.statusCode, answer.headers['content-type']]).toEqual([
        key,
        404,
        'application/problem+json; charset=utf-8',
      ]);
      expect(answer.headers.etag).toBeUndefined();
    }
  });
});

test('the page may only show itself and our images', async () => {
  const [preview] = await addDone(one);
  const { statusCode, headers, body } = await ask(pathOf(preview));
  expect(statusCode).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  expect(headers['content-security-policy']).toMatch(
    /^default-src 'none'; img-src 'self'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors \*$/,
  );
  expect(Object.keys(headers)).not.toContain('set-cookie');
  expect(body).toContain('>A red shoe</h1>');
  const images = [...body.matchAll(/src="([^"]+)"/g)].map(([, src = '']) => new URL(src, preview.embed_url));
  expect(images.map(({ href }) => href)).toEqual([
    preview.prefill.background_image_url,
    preview.prefill.product_image_url,
  ]);
  for (const { pathname } of images) expect((await ask(pathname)).statusCode).toBe(200);
});

test('a trailing slash leads to the same page with the same images', async () => {
  const [preview] = await addDone(one);
  const { statusCode, body } = await ask(`${pathOf(preview)}/?x=1`);
  expect(statusCode).toBe(200);
  const [, src = ''] = /src="([^"]+)"/.exec(body) ?? [];
  expect(new URL(src, `${preview.embed_url}/`).href).toBe(preview.prefill.background_image_url);
});

test('shows an edit with the next view, and returns 304 for an unchanged page', async () => {
  const [preview] = await addDone(one);
  const path = pathOf(preview);
  const first = await ask(path);
  const etag = String(first.headers.etag);
  expect(etag).toMatch(/^"[\w-]{43}"$/);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await ask(path, { 'if-none-match': known });
    expect([answer.statusCode, answer.body, answer.headers.etag]).toEqual([304, '', etag]);
    expect(answer.headers['cache-control']).toBe('no-cache');
    expect(answer.headers['content-security-policy']).toBe(first.headers['content-security-policy']);
  }
  await api.rest(one.token, 'PATCH', `/previews/${preview.id}/`, {
    prefill: { headline: 'Only <today>', product_image_url: 'https://elsewhere.example/x.png' },
  });
  const edited = await ask(path, { 'if-none-match': etag });
  expect(edited.statusCode).toBe(200);
  expect(edited.headers.etag).not.toBe(etag);
  expect(edited.body).toContain('>Only &lt;today&gt;</h1>');
  expect(edited.body).not.toContain('elsewhere.example');
});

test('HEAD returns the same headers without the page', async () => {
  const [preview] = await addDone(one);
  const path = pathOf(preview);
  const [get, head] = [await ask(path), await ask(path, {}, 'HEAD')];
  expect([head.statusCode, head.body]).toEqual([200, '']);
  const { date: _, 'x-request-id': __, ...expected } = get.headers;
  expect(head.headers).toMatchObject(expected);
  expect((await ask(path, { 'if-none-match': String(get.headers.etag) }, 'HEAD')).statusCode).toBe(304);
  expect((await ask('/cta/nothing', {}, 'HEAD')).statusCode).toBe(404);
});

test('a setting decides which sites may frame the page, also for clients with a cached page', async () => {
  const [preview] = await addDone(one);
  const path = pathOf(preview);
  const before = await ask(path);
  const strict = await startTestApi(db, { frameAncestors: "'self' https://shop.example" });
  const headers = { 'if-none-match': String(before.headers.etag) };
  const after = await strict.app.inject({ method: 'GET', url: path, headers });
  await strict.close();
  expect(after.statusCode).toBe(200);
  expect(after.headers['content-security-policy']).toMatch(
    /; frame-ancestors 'self' https:\/\/shop\.example$/,
  );
});
