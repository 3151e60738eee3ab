import type { AnyProcedure } from '@trpc/server';
import superjson from 'superjson';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MAX_ARRAY_ITEMS } from '../../src/http/refuse-long-arrays.ts';
import { appRouter } from '../../src/http/router.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import type { TestWorkspace } from '../support/test-database.ts';

/*
 * Tests what may be sent under `meta`, and how much in one request. Generated from the router, so
 * that new procedures are tested too.
 */

let api: TestApi;
let one: TestWorkspace;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ api, one } = opened);
  return opened.close;
});

const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyProcedure>);

/** For two requests. With superjson's own reader, the first of these inputs took minutes. */
const MAX_CPU_MS = 100;

/** Returns the CPU time of this thread, which also runs the API. */
async function measureCpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

async function send(path: string, type: string, input: unknown, token?: string) {
  const text = JSON.stringify(input);
  return api.app.inject({
    method: type === 'mutation' ? 'POST' : 'GET',
    url: `/trpc/${path}${type === 'mutation' ? '' : `?input=${encodeURIComponent(text)}`}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      'content-type': 'application/json',
    },
    ...(type === 'mutation' ? { payload: text } : {}),
  });
}

const HUGE = 4_294_967_294;
const HOSTILE: [string, unknown][] = [
  [
    'a set of an array that is made long',
    { json: { a: [1] }, meta: { v: 1, values: { a: ['set', { [HUGE]: ['undefined'] }] } } },
  ],
  [
    'a typed array of any length',
    { json: { a: { length: 4e9 } }, meta: { values: { a: [['typed-array', 'Uint8Array']] } } },
  ],
  [
    'an element far behind the end',
    {
      json: { sources: [{ url: 'https://a.example/' }] },
      meta: { values: { [`sources.${HUGE}`]: ['undefined'] } },
    },
  ],
  [
    'a reference far behind the end',
    {
      json: { sources: [{ url: 'https://a.example/' }] },
      meta: { v: 1, referentialEqualities: { 'sources.0': ['sources.1500000'] } },
    },
  ],
  ['a reference within itself', { json: { id: 'x', a: [] }, meta: { referentialEqualities: [['id']] } }],
  ['a date', { json: { id: '2026-01-01' }, meta: { values: { id: ['Date'] } } }],
  ['a map', { json: { id: [[1, 2]] }, meta: { values: { id: ['map'] } } }],
  ['a regular expression', { json: { id: '/a/' }, meta: { values: { id: ['regexp'] } } }],
  ['a big integer', { json: { id: '9'.repeat(10_000) }, meta: { values: { id: ['bigint'] } } }],
  ['an error', { json: { id: {} }, meta: { values: { id: ['Error'] } } }],
  ['a custom class', { json: { id: {} }, meta: { values: { id: [['class', 'x']] } } }],
  ['a path that does not exist', { json: { id: 'x' }, meta: { values: { 'id.length': ['undefined'] } } }],
  [
    'a path into a prototype',
    { json: { id: 'x' }, meta: { values: { '__proto__.polluted': ['undefined'] } } },
  ],
  ['a path into a method', { json: { id: 'x' }, meta: { values: { 'toString.name': ['undefined'] } } }],
  ['an annotation of another kind', { json: { id: 'x' }, meta: { values: { id: 'undefined' } } }],
  ['annotations that are no object', { json: { id: 'x' }, meta: { values: [[[[]]]] } }],
  ['an unknown key', { json: { id: 'x' }, meta: { dedupe: true } }],
  ['a meta that is a text', { json: { id: 'x' }, meta: 'undefined' }],
  ['no envelope', ['x']],
];

describe.each(procedures)('%s', (path, { _def }) => {
  const { type } = _def as unknown as { type: string };

  test.each(HOSTILE)('refuses %s immediately, with and without a token', async (_name, input) => {
    await send(path, type, { json: {} }, one.token);
    let status: number[] = [];
    const cpuMs = await measureCpuMs(async () => {
      const [known, unknown] = [await send(path, type, input, one.token), await send(path, type, input)];
      status = [known.statusCode, unknown.statusCode];
      expect(known.json().error.json.data.code).toBe('validation');
      expect(unknown.json().error.json.data.code).toBe('unauthorized');
    });
    expect(status).toEqual([400, 401]);
    expect(cpuMs).toBeLessThan(MAX_CPU_MS);
  });
});

test('accepts undefined values as superjson sends them', async () => {
  const input = { status: undefined, bulkTaskId: undefined, pageSize: 3 };
  expect(superjson.serialize(input).meta?.values).toEqual({
    status: ['undefined'],
    bulkTaskId: ['undefined'],
  });
  expect((await send('previews.list', 'query', superjson.serialize(input), one.token)).statusCode).toBe(200);
  expect((await send('batch.list', 'query', superjson.serialize(undefined), one.token)).statusCode).toBe(200);
  const product = { title: 'Cup', description: undefined, imageUrls: ['https://shop.example/cup.jpg'] };
  const batch = { sources: [{ url: 'https://shop.example/cup', locale: undefined, product }] };
  expect((await send('batch.create', 'mutation', superjson.serialize(batch), one.token)).statusCode).toBe(
    200,
  );
});

test('fails only the call with a wrong envelope among several in a request', async () => {
  const input = { 0: { json: {} }, 1: { json: {}, meta: { values: { a: ['Date'] } } } };
  const answer = await api.app.inject({
    url: `/trpc/batch.list,batch.list?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`,
    headers: { authorization: `Bearer ${one.token}` },
  });
  const [first, second] = answer.json();
  expect(first.result.data.json.items).toBeInstanceOf(Array);
  expect(second.error.json.data.code).toBe('validation');
});

describe('long arrays', () => {
  const long = Array.from({ length: 30_000 }, () => 0);
  const source = { url: 'https://a.example/', product: { title: 'Cup', imageUrls: long } };

  test.each([
    ['sources', 'batch.create', { sources: long }],
    ['image addresses', 'batch.create', { sources: [source] }],
    ['versions', 'previews.patch', { id: 'x', prefill: {}, ifVersion: long }],
    ['a field that does not exist', 'batch.cancel', { id: 'x', more: { of: long } }],
  ])('refuses %s over tRPC by their length', async (_name, path, input) => {
    let body = '';
    const cpuMs = await measureCpuMs(async () => {
      body = (await send(path, 'mutation', { json: input }, one.token)).body;
    });
    expect(JSON.parse(body).error.json.data.errors).toEqual([
      { path: expect.any(String), message: 'must have at most 100 items' },
    ]);
    expect(cpuMs).toBeLessThan(MAX_CPU_MS);
  });

  test.each([
    ['sources', { sources: long }, 'sources'],
    [
      'image addresses',
      { sources: [{ ...source, product: { image_urls: long } }] },
      'sources.0.product.image_urls',
    ],
  ])('refuses %s over REST by their length', async (_name, body, path) => {
    const cpuMs = await measureCpuMs(async () => {
      const answer = await api.rest(one.token, 'POST', '/batch/', body);
      expect(answer.body.errors).toEqual([{ path, message: 'must have at most 100 items' }]);
    });
    expect(cpuMs).toBeLessThan(MAX_CPU_MS);
  });

  test.each(procedures)('%s allows no longer array', (_path, { _def }) => {
    const [schema] = (_def as unknown as { inputs: z.ZodType[] }).inputs;
    const text = JSON.stringify(
      z.toJSONSchema(schema ?? z.object({}), { io: 'input', unrepresentable: 'any' }),
    );
    const arrays = [...text.matchAll(/"type":"array"/g)].length;
    const limits = [...text.matchAll(/"maxItems":(\d+)/g)].map(([, most]) => Number(most));
    expect(limits).toHaveLength(arrays);
    expect(Math.max(0, ...limits)).toBeLessThanOrEqual(MAX_ARRAY_ITEMS);
  });
});

describe('many calls in one request', () => {
  const batchUrl = (path: string, count: number) => `/trpc/${Array(count).fill(path).join(',')}?batch=1`;
  const inputs = (count: number, input: unknown) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [at, { json: input }])));

  test('accepts at most 10 that change something, and otherwise refuses the whole request', async () => {
    const batch = { sources: [{ url: 'https://shop.example/a' }] };
    const post = (count: number) =>
      api.app.inject({
        method: 'POST',
        url: batchUrl('batch.create', count),
        headers: { authorization: `Bearer ${one.token}`, 'content-type': 'application/json' },
        payload: inputs(count, batch),
      });
    const before = (await api.client(one.token).batch.list.query({ pageSize: 100 })).items.length;
    const refused = await post(11);
    expect(refused.statusCode).toBe(400);
    expect(refused.json().error.json.message).toContain('A request can have at most 10 mutations');
    expect((await post(10)).json()).toHaveLength(10);
    expect((await api.client(one.token).batch.list.query({ pageSize: 100 })).items).toHaveLength(before + 10);
  });

  test('accepts at most 100 in total', async () => {
    const get = (count: number) =>
      api.app.inject({
        url: batchUrl('limits.get', count),
        headers: { authorization: `Bearer ${one.token}` },
      });
    expect((await get(101)).statusCode).toBe(400);
    expect((await get(100)).json()).toHaveLength(100);
  });

  test('the typed client splits 40 concurrent changes and 150 reads into several requests', async () => {
    const client = api.client(one.token);
    const url = 'https://shop.example/a';
    const made = await Promise.all(
      Array.from({ length: 40 }, () => client.batch.create.mutate({ sources: [{ url }] })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(40);
    const read = await Promise.all(Array.from({ length: 150 }, () => client.limits.get.query()));
    expect(read).toHaveLength(150);
  });

  test('the typed client can use one object in several sources', async () => {
    const product = { title: 'Cup', imageUrls: ['https://shop.example/cup.jpg'] };
    const sources = ['a', 'b'].map((path) => ({ url: `https://shop.example/${path}`, product }));
    expect((await api.client(one.token).batch.create.mutate({ sources })).sources).toHaveLength(2);
  });
});

test('counts each call against the limit on requests', async () => {
  const opened = await openTestApi({ requestRate: { maxCalls: 10, windowMs: 60_000 } });
  try {
    const get = (count: number) =>
      opened.api.app.inject({
        url: `/trpc/${Array(count).fill('limits.get').join(',')}?batch=1`,
        headers: { authorization: `Bearer ${opened.one.token}` },
      });
    const first = await get(6);
    expect(first.headers.ratelimit).toMatch(/;r=4;/);
    expect((await get(5)).statusCode).toBe(429);
  } finally {
    await opened.close();
  }
});
