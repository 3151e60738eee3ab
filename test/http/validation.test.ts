import { TRPCClientError } from '@trpc/client';
import { beforeAll, describe, expect, test } from 'vitest';
import { batches } from '../../src/db/schema/batches.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let token: string;
let previewId: string;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api } = opened);
  token = opened.one.token;
  await addQueuedBatch(db, opened.one.workspaceId, [1]);
  const calls = await claim(db, await addWorker(db));
  await finish(db, calls);
  previewId = calls[0]?.previewId ?? '';
  return opened.close;
});

const URL_OK = 'https://shop.example/a';
const long = (n: number) => 'x'.repeat(n);

/** Calls both APIs, and expects the same fields to be named, each in the spelling of the API. */
async function expectRefused(body: unknown, paths: string[]) {
  const before = await db.orm.select({ id: batches.id }).from(batches);
  const rest = await api.rest(token, 'POST', '/batch/', body);
  expect(rest.status).toBe(400);
  expect(rest.headers['content-type']).toMatch('application/problem+json');
  expect(rest.body).toMatchObject({ status: 400, code: 'validation', title: 'Bad Request' });
  expect(rest.body.errors.map((e: { path: string }) => e.path)).toEqual(paths);
  for (const error of rest.body.errors) expect(error.message).not.toBe('');
  expect(await db.orm.select({ id: batches.id }).from(batches)).toEqual(before);
}

describe('create', () => {
  test.each<[string, unknown, string[]]>([
    ['no body fields', {}, ['sources']],
    ['no sources', { sources: [] }, ['sources']],
    ['sources that are no list', { sources: 'x' }, ['sources']],
    ['too many sources', { sources: Array(6).fill({ url: URL_OK }) }, ['sources']],
    ['a source that is no object', { sources: [1] }, ['sources.0']],
    ['no url', { sources: [{}] }, ['sources.0.url']],
    ['a relative url', { sources: [{ url: '/a' }] }, ['sources.0.url']],
    ['another scheme', { sources: [{ url: 'ftp://shop.example/a' }] }, ['sources.0.url']],
    ['a script', { sources: [{ url: 'javascript:alert(1)' }] }, ['sources.0.url']],
    ['a user name', { sources: [{ url: 'https://www.paypal.com@evil.example/' }] }, ['sources.0.url']],
    ['a password', { sources: [{ url: 'https://user:s3cret@shop.example/a' }] }, ['sources.0.url']],
    ['an empty user name', { sources: [{ url: 'https://@shop.example/a' }] }, ['sources.0.url']],
    [
      'a password in the address of an image',
      {
        sources: [
          {
            url: URL_OK,
            product: { title: 'A cup', image_urls: [URL_OK, 'https://u:w@shop.example/a.jpg'] },
          },
        ],
      },
      ['sources.0.product.image_urls.1'],
    ],
    ['no host', { sources: [{ url: 'https:///a' }] }, ['sources.0.url']],
    ['a url without slashes', { sources: [{ url: 'https:shop.example' }] }, ['sources.0.url']],
    ['white space around', { sources: [{ url: ` ${URL_OK}` }] }, ['sources.0.url']],
    ['white space within', { sources: [{ url: 'https://shop.example/a b' }] }, ['sources.0.url']],
    ['a control character', { sources: [{ url: `${URL_OK}\u0000` }] }, ['sources.0.url']],
    ['half a surrogate pair', { sources: [{ url: `${URL_OK}\ud800` }] }, ['sources.0.url']],
    ['a url that is too long', { sources: [{ url: `${URL_OK}${long(2048)}` }] }, ['sources.0.url']],
    ['batch_size 0', { sources: [{ url: URL_OK, batch_size: 0 }] }, ['sources.0.batch_size']],
    ['batch_size 11', { sources: [{ url: URL_OK, batch_size: 11 }] }, ['sources.0.batch_size']],
    ['batch_size 1.5', { sources: [{ url: URL_OK, batch_size: 1.5 }] }, ['sources.0.batch_size']],
    ['batch_size as a text', { sources: [{ url: URL_OK, batch_size: '3' }] }, ['sources.0.batch_size']],
    ['batch_size null', { sources: [{ url: URL_OK, batch_size: null }] }, ['sources.0.batch_size']],
    [
      'batchSize, which is not how REST spells it',
      { sources: [{ url: URL_OK, batchSize: 3 }] },
      ['sources.0.batchSize'],
    ],
    ['an unknown field', { sources: [{ url: URL_OK }], nmae: 'x' }, ['nmae']],
    ['an unknown field of a source', { sources: [{ url: URL_OK, size: 3 }] }, ['sources.0.size']],
    ['several at once', { sources: [{ url: 'x' }, { url: URL_OK, batch_size: 99 }] }, ['sources.0.url']],
    ['a list as the body', [], ['']],
    ['null', null, ['sources']],
  ])('refuses %s', (_name, body, paths) => expectRefused(body, paths));

  test('explains what is wrong with an address that has a password, and accepts an @ elsewhere', async () => {
    const send = (url: string) => api.rest(token, 'POST', '/batch/', { sources: [{ url }] });
    expect((await send('https://user:s3cret@shop.example/a')).body.errors).toEqual([
      { path: 'sources.0.url', message: 'must not have a user name or password' },
    ]);
    expect((await send('https://shop.example/@brand/a?to=x@y.example#@')).status).toBe(201);
  });

  test('accepts the largest allowed values, and uses 1 as the default size', async () => {
    const sources = Array.from({ length: 5 }, (_, i) => ({
      url: `https://shop.example/${i}`,
      batch_size: 10,
    }));
    const large = await api.rest(token, 'POST', '/batch/', { sources });
    expect(large.status).toBe(201);
    expect(large.body).toMatchObject({ total: 50, status: 'pending', progress: { total: 50, pending: 50 } });
    const small = await api.rest(token, 'POST', '/batch/', { sources: [{ url: 'http://192.168.0.1/a' }] });
    expect(small.status).toBe(201);
    expect(small.body.sources).toMatchObject([{ batch_size: 1, url: 'http://192.168.0.1/a' }]);
    expect(small.headers.location).toBe(`https://cta.example/api/llm-editor/cta/batch/${small.body.id}/`);
    expect(small.body.bulk_generate_task_id).toBe(small.body.id);
  });

  test('tRPC refuses the same input with its own field names', async () => {
    const call = api.client(token).batch.create.mutate({ sources: [{ url: URL_OK, batchSize: 11 }] });
    const error = await call.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TRPCClientError);
    const { data } = error as TRPCClientError<never> & { data: Record<string, unknown> };
    expect(data).toMatchObject({
      code: 'validation',
      httpStatus: 400,
      errors: [{ path: 'sources.0.batchSize', message: 'must be at most 10' }],
    });
    expect(JSON.stringify(data)).not.toContain('stack');
  });
});

describe('patch', () => {
  test.each<[string, unknown, string[]]>([
    ['no prefill', {}, ['prefill']],
    ['an unknown field', { prefill: { headlin: 'x' } }, ['prefill.headlin']],
    ['camelCase', { prefill: { ctaText: 'x' } }, ['prefill.ctaText']],
    ['null where it cannot be', { prefill: { headline: null } }, ['prefill.headline']],
    ['an empty headline', { prefill: { headline: ' ' } }, ['prefill.headline']],
    ['a headline of 81', { prefill: { headline: long(81) } }, ['prefill.headline']],
    ['a subheadline of 141', { prefill: { subheadline: long(141) } }, ['prefill.subheadline']],
    ['a body of 401', { prefill: { body: long(401) } }, ['prefill.body']],
    ['a button of 31', { prefill: { cta_text: long(31) } }, ['prefill.cta_text']],
    ['a script as the link', { prefill: { cta_url: 'javascript:alert(1)' } }, ['prefill.cta_url']],
    [
      'a user name in the link',
      { prefill: { cta_url: 'https://www.paypal.com@evil.example/' } },
      ['prefill.cta_url'],
    ],
    [
      'a password in the address of an image',
      { prefill: { product_image_url: 'https://user:word@shop.example/a.jpg' } },
      ['prefill.product_image_url'],
    ],
    [
      'an image of another scheme',
      { prefill: { background_image_url: 'data:image/png;base64,AA' } },
      ['prefill.background_image_url'],
    ],
    ['a color by name', { prefill: { colors: { text: 'red' } } }, ['prefill.colors.text']],
    ['an unknown color', { prefill: { colors: { border: '#000000' } } }, ['prefill.colors.border']],
    ['no colors', { prefill: { colors: null } }, ['prefill.colors']],
    ['a language that is none', { prefill: { locale: 'not a language' } }, ['prefill.locale']],
    ['a NUL', { prefill: { headline: 'a\u0000b' } }, ['prefill.headline']],
    ['half a surrogate pair', { prefill: { body: '\udfff' } }, ['prefill.body']],
    ['a number', { prefill: { headline: 7 } }, ['prefill.headline']],
    ['a good and a bad field', { prefill: { headline: 'Good', cta_text: '' } }, ['prefill.cta_text']],
    ['the id, which the path names', { id: 'x', prefill: {} }, ['id']],
    ['an invisible headline', { prefill: { headline: '\u200b' } }, ['prefill.headline']],
    ['a field beside prefill', { prefill: {}, status: 'done' }, ['status']],
  ])('refuses %s and changes nothing', async (_name, body, paths) => {
    const before = await db.orm.select().from(previews);
    const { status, body: problem } = await api.rest(token, 'PATCH', `/previews/${previewId}/`, body);
    expect(status).toBe(400);
    expect(problem.errors.map((e: { path: string }) => e.path)).toEqual(paths);
    expect(await db.orm.select().from(previews)).toEqual(before);
  });

  test('drops invisible characters without an error', async () => {
    const prefill = {
      headline: 'Spar\u00adpreis\u{e0041}\u{e0042}',
      price_text: '\u202e€ 5\u200b',
      body: '👩\u200d🚀',
    };
    const { status, body } = await api.rest(token, 'PATCH', `/previews/${previewId}/`, { prefill });
    expect(status).toBe(200);
    expect(body.prefill).toMatchObject({ headline: 'Sparpreis', price_text: '€ 5', body: '👩\u200d🚀' });
  });
});

describe('lists', () => {
  test.each([
    ['page_size=0', 'page_size'],
    ['page_size=101', 'page_size'],
    ['page_size=ten', 'page_size'],
    ['page_size=1.5', 'page_size'],
    ['status=finished', 'status'],
    ['status=done&status=failed', 'status'],
    ['cursor=', 'cursor'],
    ['status[]=done', 'status[]'],
    ['page=2', 'page'],
    ['pageSize=5', 'pageSize'],
    ['_=1764547200', '_'],
    ['__proto__=x', '__proto__'],
  ])('refuses ?%s', async (query, path) => {
    const { status, body } = await api.rest(token, 'GET', `/previews/?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'validation', errors: [{ path }] });
  });

  test('names several unknown parameters together, also over tRPC', async () => {
    for (const list of ['/previews/', '/batch/']) {
      const { status, body } = await api.rest(token, 'GET', `${list}?status[]=done&page=2`);
      expect([status, body.code]).toEqual([400, 'validation']);
      const paths = body.errors.map((error: { path: string }) => error.path);
      expect(paths).toEqual(['status[]', 'page']);
    }
    const wrong = { pageSize: 5, page: 2 };
    for (const call of [
      api.client(token).previews.list.query(wrong),
      api.client(token).batch.list.query(wrong),
    ]) {
      await expect(call).rejects.toMatchObject({
        data: { code: 'validation', errors: [{ path: 'page', message: 'is not a known field' }] },
      });
    }
  });

  test('accepts the direction that infinite queries of tRPC clients send', async () => {
    const { items } = await api.client(token).previews.list.query({ pageSize: 1, direction: 'forward' });
    expect(items).toHaveLength(1);
    const { status } = await api.rest(token, 'GET', '/previews/?direction=forward');
    expect(status).toBe(400);
  });

  test.each(['x', 'bi4xLjE', '..', 'AAAA', '%00', 'n.1.1'])('refuses the cursor %j', async (cursor) => {
    const { status, body } = await api.rest(token, 'GET', `/batch/?cursor=${cursor}`);
    expect([status, body.code]).toEqual([400, 'invalid_cursor']);
  });

  test('treats an invalid id like an unknown one', async () => {
    for (const id of ['x', '0', '%00', "'; drop table x", '018f0000-0000-7000-8000-000000000000']) {
      const path = encodeURIComponent(decodeURIComponent(id));
      expect((await api.rest(token, 'GET', `/batch/${path}/`)).body.code).toBe('not_found');
      expect((await api.rest(token, 'GET', `/previews/${path}/`)).body.code).toBe('not_found');
      expect((await api.rest(token, 'GET', `/tasks/${path}/`)).body.code).toBe('not_found');
      expect((await api.rest(token, 'PATCH', `/previews/${path}/`, { prefill: {} })).body.code).toBe(
        'not_found',
      );
      const list = await api.rest(token, 'GET', `/previews/?product_id=${path}`);
      expect(list.body).toEqual({ next: null, previous: null, results: [] });
    }
  });
});
