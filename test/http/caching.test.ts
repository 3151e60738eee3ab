import http, { type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AnyProcedure } from '@trpc/server';
import { beforeAll, describe, expect, test } from 'vitest';
import { REST_ROUTES } from '../../src/http/rest-routes.ts';
import { appRouter } from '../../src/http/router.ts';
import { openApiWithPreview } from '../support/open-api-with-preview.ts';
import { ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase } from '../support/test-database.ts';

/*
 * Tests what caches may store of each answer. Generated from the routes and procedures, so that new
 * ones are tested too.
 */

let api: TestApi;
let token: string;
let batchId: string;
let embedPath: string;
let assetPath: string;
beforeAll(async () => {
  const opened = await openApiWithPreview({ corsOrigins: ['https://app.example'] });
  ({ api, token, batchId, embedPath, assetPath } = opened);
  return opened.close;
});

interface Response {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Uses a new connection, so that an answer that never ends can be inspected. */
async function ask(path: string, { method = 'GET', headers = {}, body }: Response = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
    const request = http.request(
      api.address + path,
      { method, headers: { authorization: `Bearer ${token}`, ...headers }, agent: false },
      (response) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers });
        response.on('error', () => {}).destroy();
      },
    );
    request.on('error', reject).end(body);
  });
}

const varyOf = (headers: IncomingHttpHeaders) => (headers.vary ?? '').split(', ').map((f) => f.toLowerCase());

function expectNotStored(headers: IncomingHttpHeaders, name: string) {
  expect(headers['cache-control'], name).toMatch(/^private, no-store(, no-transform)?$/);
  expect(varyOf(headers), name).toContain('authorization');
}

const json = { 'content-type': 'application/json' };
/** Refused requests, by the reason. */
const REFUSED: Record<string, { status: number; asked: Response }> = {
  'without a token': { status: 401, asked: { headers: { authorization: '' } } },
  'too large': { status: 413, asked: { headers: json, body: ' '.repeat(70_000) } },
  'another type': { status: 415, asked: { headers: { 'content-type': 'text/xml' }, body: '<a/>' } },
  compressed: { status: 415, asked: { headers: { ...json, 'content-encoding': 'gzip' }, body: '{}' } },
};

describe.each(REST_ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
  'REST %s',
  (_name, { method, path }) => {
    const paths = [
      () => ROOT + path.replace(/:\w+/, '018f0000-0000-7000-8000-000000000000'),
      () => ROOT + path.replace(/:\w+/, batchId),
    ];

    test('is cached only by its client, and revalidated each time', async () => {
      for (const make of paths) {
        const { status, headers } = await ask(make(), {
          method,
          headers: json,
          ...(method === 'GET' ? {} : { body: '{}' }),
        });
        if (method === 'GET' && status === 200) {
          expect(headers['cache-control']).toBe('private, no-cache');
          expect(headers.etag).toMatch(/^"/);
          expect(varyOf(headers)).toContain('authorization');
        } else expectNotStored(headers, String(status));
      }
    });

    test.each(Object.entries(REFUSED))('is never cached: %s', async (_what, { status, asked: response }) => {
      if (method === 'GET' && response.body !== undefined) return;
      const answer = await ask(paths[0]?.() ?? '', { method, ...response });
      expect(answer.status).toBe(status);
      expectNotStored(answer.headers, String(status));
    });
  },
);

const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyProcedure>);
describe.each(procedures)('tRPC %s', (path, procedure) => {
  const isMutation = procedure._def.type === 'mutation';
  const method = isMutation ? 'POST' : 'GET';
  const input = (id: string) => JSON.stringify({ json: { id, taskId: id } });
  const at = (id: string) => `/trpc/${path}${isMutation ? '' : `?input=${encodeURIComponent(input(id))}`}`;

  test('is never cached', async () => {
    for (const id of [batchId, 'x']) {
      const body = isMutation ? { body: input(id) } : {};
      const { status, headers } = await ask(at(id), { method, headers: json, ...body });
      expectNotStored(headers, String(status));
      // The answer still names the headers that tRPC and CORS depend on.
      expect(varyOf(headers)).toEqual(expect.arrayContaining(['trpc-accept', 'origin']));
    }
    const plain = await ask(`/trpc/${path}`, {
      method,
      headers: json,
      ...(isMutation ? { body: '{}' } : {}),
    });
    expectNotStored(plain.headers, 'without input');
  });

  test.each(Object.entries(REFUSED))('is never cached: %s', async (_what, { status, asked: response }) => {
    if (!isMutation && response.body !== undefined) return;
    const answer = await ask(`/trpc/${path}`, {
      method,
      ...response,
      headers: { ...json, ...response.headers },
    });
    expect(answer.status).toBe(status);
    expectNotStored(answer.headers, String(status));
  });

  test('is never cached with the other method', async () => {
    // Streams accept both methods.
    if (procedure._def.type === 'subscription') return;
    const { status, headers } = await ask(`/trpc/${path}`, {
      method: isMutation ? 'GET' : 'POST',
      headers: json,
      ...(isMutation ? {} : { body: '{}' }),
    });
    expect([status, headers.allow]).toEqual([405, method]);
    expectNotStored(headers, '405');
  });
});

test('event streams are neither cached nor transformed', async () => {
  for (const path of [
    `${ROOT}/batch/${batchId}/events/`,
    `/trpc/batch.watch?input=${encodeURIComponent(JSON.stringify({ json: { id: batchId } }))}`,
  ]) {
    const { status, headers } = await ask(path);
    expect([status, headers['content-type']]).toEqual([200, expect.stringContaining('text/event-stream')]);
    expect(headers['cache-control']).toBe('private, no-store, no-transform');
    expectNotStored(headers, path);
  }
});

test('internal errors are never cached, over both APIs', async () => {
  const away = await openTestDatabase();
  const broken = await startTestApi(away);
  const { token: good } = await away.addWorkspace('x');
  await broken.rest(good, 'GET', '/limits/');
  await away.close();
  for (const path of ['/limits/', '//trpc/limits.get']) {
    const { status, headers } = await broken.rest(good, 'GET', path);
    expect(status).toBe(503);
    expectNotStored(headers as IncomingHttpHeaders, path);
  }
  await broken.close();
  await away.drop();
});

test.each([
  ['/nowhere', 404],
  ['/assets/x', 404],
  ['/cta/x', 404],
  ['/%zz', 404],
  [`${ROOT}/nowhere`, 404],
  ['/trpc', 404],
  ['/livez', 200],
  // The API of this test has no readiness checks.
  ['/readyz', 503],
])('%s is never cached', async (path, status) => {
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  expect(answer.headers['cache-control']).toContain('no-store');
});

test('responses to invalid HTTP are never cached', async () => {
  const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
  socket.end('NONSENSE\r\n\r\n');
  expect(await text(socket)).toMatch(/\r\nCache-Control: no-store\r\n/);
});

test('images are cached by everyone for a day, and CTAs are revalidated each time', async () => {
  expect((await ask(assetPath)).headers['cache-control']).toBe('public, max-age=86400, immutable');
  expect((await ask(embedPath)).headers['cache-control']).toBe('no-cache');
});

describe.each([
  ['/docs/', 'no-cache'],
  ['/docs/js/scalar.js', 'public, max-age=3600'],
  ['/errors', 'public, max-age=3600'],
  ['/openapi.json', 'no-cache'],
])('%s, which is the same for all clients', (path, cacheControl) => {
  const get = (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') =>
    api.app.inject({ url: path, method, headers });

  test('is compressed for clients that accept it, with a separate ETag for each encoding', async () => {
    const forms = await Promise.all(
      ['identity', 'gzip', 'gzip, deflate, br'].map((accept) => get({ 'accept-encoding': accept })),
    );
    const [plain, gzip, br] = forms;
    expect(forms.map(({ headers }) => headers['content-encoding'])).toEqual([undefined, 'gzip', 'br']);
    expect(gunzipSync(gzip?.rawPayload ?? '').equals(plain?.rawPayload ?? Buffer.alloc(0))).toBe(true);
    expect(brotliDecompressSync(br?.rawPayload ?? '').equals(plain?.rawPayload ?? Buffer.alloc(0))).toBe(
      true,
    );
    expect(new Set(forms.map(({ headers }) => headers.etag)).size).toBe(3);
    for (const { headers } of forms) {
      expect(headers['cache-control']).toBe(cacheControl);
      expect(varyOf(headers as IncomingHttpHeaders)).toContain('accept-encoding');
      expect(headers.etag).toMatch(/^"[\w-]+"$/);
    }
  });

  test('returns 304 to clients that have it, and HEAD has its headers', async () => {
    for (const accept of ['identity', 'gzip', 'br']) {
      const { headers } = await get({ 'accept-encoding': accept });
      const again = await get({ 'accept-encoding': accept, 'if-none-match': String(headers.etag) });
      expect([again.statusCode, again.rawPayload.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
      expect(varyOf(again.headers as IncomingHttpHeaders)).toContain('accept-encoding');
      const head = await get({ 'accept-encoding': accept }, 'HEAD');
      expect([head.statusCode, head.rawPayload.length]).toEqual([200, 0]);
      for (const name of ['etag', 'content-length', 'content-type', 'content-encoding', 'cache-control'])
        expect(head.headers[name], name).toBe(headers[name]);
    }
  });
});

test('the document names the host of the request, and only some hosts are cached', async () => {
  for (let i = 0; i < 30; i += 1) {
    const { body } = await api.rest(undefined, 'GET', '//openapi.json', undefined, {
      host: `h${i % 15}.example`,
    });
    expect(body.servers).toEqual([{ url: `http://h${i % 15}.example` }]);
  }
});
