import http from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { REST_ROUTES } from '../../src/http/rest-routes.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let withCors: TestApi;
let token: string;
let embedPath: string;
let assetPath: string;
const ids: Record<string, string> = {};
beforeAll(async () => {
  const opened = await openTestApi({ publicUrl: undefined });
  ({ db, api } = opened);
  token = opened.one.token;
  withCors = await startTestApi(db, { corsOrigins: ['https://app.example'] });
  const { id, taskId: task } = await addQueuedBatch(db, opened.one.workspaceId, [1]);
  await finish(db, await claim(db, await addWorker(db)));
  const { body } = await api.rest(token, 'GET', '/previews/');
  const [preview] = body.results;
  Object.assign(ids, { batch: id, tasks: task, previews: preview.id, products: preview.product_id });
  embedPath = new URL(preview.embed_url).pathname;
  assetPath = new URL(preview.prefill.background_image_url).pathname;
  return async () => {
    await withCors.close();
    await opened.close();
  };
});

/** The methods of each REST path, from the table of routes. */
const restMethods = Map.groupBy(REST_ROUTES, ({ path }) => path);
const rest = [...restMethods].map(([path, routes]): [string, string[]] => {
  const methods = routes.map(({ method }) => method as string);
  return [ROOT + path, methods.includes('GET') ? [...methods, 'HEAD'] : methods];
});

const READ = ['GET', 'HEAD'];
const PATHS: [string, string[]][] = [
  ...rest,
  [`${ROOT}/batch/:id/events/`, READ],
  ['/trpc/batch.list', ['GET', 'POST']],
  ['/assets/:key', READ],
  ['/cta/:key', READ],
  ['/docs', READ],
  ['/docs/', READ],
  ['/docs/js/scalar.js', READ],
  ['/openapi.json', READ],
  ['/errors', READ],
  ['/livez', READ],
  ['/readyz', READ],
];

/** Sends a request with any method, unchanged. Returns status and headers. */
function ask(
  address: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Buffer,
) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(address);
      const request = http.request(
        { hostname, port, path, method, headers, agent: false },
        async (response) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: await text(response),
          });
        },
      );
      request.on('error', reject).end(body);
    },
  );
}

const fill = (path: string) => path.replace(/:\w+/, 'x');
const allowOf = ({ allow }: http.IncomingHttpHeaders) => (allow ?? '').split(', ').toSorted();

describe.each(PATHS)('%s', (path, methods) => {
  const allowed = [...methods, 'OPTIONS'].toSorted();

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY', 'PROPFIND'])(
    '%s',
    async (method) => {
      if (methods.includes(method)) return;
      const answer = await ask(api.address, method, `${fill(path)}?x=1`, {
        authorization: `Bearer ${token}`,
      });
      expect(answer.status).toBe(405);
      expect(allowOf(answer.headers)).toEqual(allowed);
      if (method !== 'HEAD')
        expect(JSON.parse(answer.body)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    },
  );

  test('OPTIONS', async () => {
    for (const { address } of [api, withCors]) {
      for (const headers of [
        {},
        { origin: 'https://app.example' },
        { 'access-control-request-method': 'GET' },
      ]) {
        const answer = await ask(address, 'OPTIONS', fill(path), headers as Record<string, string>);
        expect([answer.status, answer.body]).toEqual([204, '']);
        expect(allowOf(answer.headers)).toEqual(allowed);
      }
    }
  });
});

test('OPTIONS * describes the whole service, and returns 404 for an unknown path', async () => {
  for (const { address } of [api, withCors]) {
    const whole = await ask(address, 'OPTIONS', '*');
    expect([whole.status, whole.headers.allow]).toEqual([204, 'GET, HEAD, POST, PATCH, OPTIONS']);
    expect((await ask(address, 'OPTIONS', '/nowhere')).status).toBe(404);
    expect((await ask(address, 'DELETE', '/nowhere')).status).toBe(404);
  }
});

test('does not read the body of a wrong method', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/xml' };
  const body = Buffer.from('<a/>');
  expect((await ask(api.address, 'PUT', `${ROOT}/limits/`, headers, body)).status).toBe(405);
});

test('still answers preflight requests', async () => {
  const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
  const answer = await ask(withCors.address, 'OPTIONS', `${ROOT}/batch/`, preflight);
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([
    204,
    'https://app.example',
  ]);
  const without = await ask(api.address, 'OPTIONS', `${ROOT}/batch/`, preflight);
  expect([without.status, without.headers['access-control-allow-origin']]).toEqual([204, undefined]);
});

test('HEAD returns the headers of GET without the body', async () => {
  const headers = { authorization: `Bearer ${token}` };
  const reads = REST_ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => {
    const [, area = ''] = path.split('/');
    return ROOT + path.replace(/:\w+/, ids[area] ?? '');
  });
  const events = `${ROOT}/batch/${ids.batch}/events/`;
  for (const path of [
    ...reads,
    events,
    assetPath,
    embedPath,
    '/docs/',
    '/openapi.json',
    '/errors',
    '/livez',
  ]) {
    const [head, get] = [
      await ask(api.address, 'HEAD', path, headers),
      await ask(api.address, 'GET', path, headers),
    ];
    expect([head.status, head.body], path).toEqual([200, '']);
    expect(get.status, path).toBe(200);
    for (const name of [
      'content-type',
      'cache-control',
      'vary',
      ...(path === events ? [] : ['content-length']),
    ])
      expect(head.headers[name], `${name} of ${path}`).toBe(get.headers[name]);
  }
  expect((await ask(api.address, 'HEAD', `${ROOT}/batch/x/events/`, headers)).status).toBe(404);
  expect((await ask(api.address, 'HEAD', events)).status).toBe(401);
  expect(api.batchWatch.countWatchers()).toBe(0);
});

describe('compressed bodies', () => {
  const body = gzipSync('{"sources":[]}');
  const post = (path: string, coding: string, sent: Buffer = body, auth = `Bearer ${token}`) =>
    ask(
      api.address,
      'POST',
      path,
      { authorization: auth, 'content-type': 'application/json', 'content-encoding': coding },
      sent,
    );

  test.each([`${ROOT}/batch/`, '/trpc/batch.create'])(
    'are refused with the accepted encodings (%s)',
    async (path) => {
      for (const coding of ['gzip', 'br', 'deflate', 'zstd', 'gzip, identity', 'x']) {
        const answer = await post(path, coding);
        expect([answer.status, answer.headers['accept-encoding']], coding).toEqual([415, 'identity']);
        expect(answer.body).toContain('"code":"unsupported_media_type"');
        expect(answer.body).toContain(coding);
      }
      const strange = await post(path, '"><script>');
      expect([strange.status, strange.body.includes('script')]).toEqual([415, false]);
    },
  );

  test('are read if they are declared but not compressed', async () => {
    const plain = Buffer.from('{"sources":[{"url":"https://shop.example/a"}]}');
    for (const coding of ['identity', 'Identity', ''])
      expect((await post(`${ROOT}/batch/`, coding, plain)).status).toBe(201);
    expect((await ask(api.address, 'GET', '/errors', { 'content-encoding': 'gzip' })).status).toBe(200);
  });

  test('are not read without a valid token', async () => {
    expect((await post(`${ROOT}/batch/`, 'gzip', body, '')).status).toBe(401);
  });
});

describe('the address of a request', () => {
  async function raw(target: string, headers: string[]): Promise<string> {
    const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
    socket.write(
      [
        `GET ${target} HTTP/1.1`,
        `Authorization: Bearer ${token}`,
        'Connection: close',
        ...headers,
        '',
        '',
      ].join('\r\n'),
    );
    return text(socket);
  }

  test('is its absolute target, and not the Host header', async () => {
    await addQueuedBatch(db, (await db.addWorkspace('another')).workspaceId, [1]);
    const { body } = await api.rest(token, 'POST', '/batch/', {
      sources: [{ url: 'https://shop.example/b' }],
    });
    expect(body.id).toBeTruthy();
    const answer = await raw(`http://x.example${ROOT}/batch/?page_size=1`, ['Host: other.example']);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain(`"next":"http://x.example${ROOT}/batch/?page_size=1&cursor=`);
    expect(await raw('http://x.example', ['Host: x'])).toMatch(/^HTTP\/1\.1 404 /);
    expect(await raw('HTTP://x.example?a=/errors', ['Host: x'])).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('does not repeat an unknown protocol', async () => {
    const behind = await startTestApi(db, { publicUrl: undefined, trustProxy: true });
    const typeOf = async (proto: string) => {
      const { body } = await behind.rest(undefined, 'GET', '//nowhere', undefined, {
        host: 'x',
        'x-forwarded-proto': proto,
      });
      return body.type as string;
    };
    for (const [proto, expected] of [
      ['https', 'https://x/'],
      ['HTTPS', 'https://x/'],
      ['http', 'http://x/'],
      ['javascript', 'http://x/'],
      ['ws', 'http://x/'],
      ['', 'http://x/'],
    ] as const)
      expect(await typeOf(proto), proto).toMatch(new RegExp(`^${expected}`));
    await behind.close();
  });
});
