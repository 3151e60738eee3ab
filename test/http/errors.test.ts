import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { createToken } from '../../src/workspaces/create-token.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { openTestApi, ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let token: string;
let workspaceId: string;
beforeAll(async () => {
  const opened = await openTestApi({ corsOrigins: ['https://app.example'] });
  ({ db, api } = opened);
  ({ token, workspaceId } = opened.one);
  return opened.close;
});

describe('bodies', () => {
  test.each<[string, string | Buffer, string, number, string]>([
    ['no JSON', '{"sources":', 'application/json', 400, 'invalid_json'],
    ['an empty body', '', 'application/json', 400, 'validation'],
    [
      'broken UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      'application/json',
      400,
      'invalid_json',
    ],
    ['a key into prototypes', '{"__proto__":{"x":1}}', 'application/json', 400, 'invalid_json'],
    ['another type', 'sources=x', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['XML', '<a/>', 'text/xml', 415, 'unsupported_media_type'],
    ['deep nesting', '['.repeat(30_000) + ']'.repeat(30_000), 'application/json', 400, 'validation'],
  ])('%s', async (_name, body, type, status, code) => {
    const answer = await api.rest(token, 'POST', '/batch/', body, { 'content-type': type });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch('application/problem+json');
    expect(answer.body.type).toBe(`https://cta.example/errors#${code}`);
  });

  test.each([`${ROOT}/batch/`, '/trpc/batch.create'])(
    'rejects a body that is too large with a response, and not by closing the connection (%s)',
    async (path) => {
      const { hostname, port } = new URL(api.address);
      const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        const request = http.request({
          hostname,
          port,
          path,
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'content-length': 8_000_000,
          },
        });
        request.on('error', reject);
        request.on('response', (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode, body }));
        });
        request.end(Buffer.alloc(8_000_000, ' '));
      });
      expect(answer.status).toBe(413);
      expect(answer.body).toContain('"code":"payload_too_large"');
    },
  );
});

describe('tRPC', () => {
  const call = (url: string, payload?: string) =>
    api.app.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url: `/trpc/${url}`,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-request-id': 'order-7',
      },
      ...(payload === undefined ? {} : { payload }),
    });

  test.each<[string, string, string | undefined, number, string]>([
    ['an unknown procedure', 'batch.nothing', undefined, 404, 'not_found'],
    ['input that is no JSON', 'batch.get?input=%7B', undefined, 400, 'invalid_json'],
    ['a body that is no JSON', 'batch.create', '{', 400, 'invalid_json'],
    ['wrong input', 'batch.get?input=%7B%22json%22%3A%7B%7D%7D', undefined, 400, 'validation'],
    [
      'annotations that make no sense',
      'batch.create',
      '{"json":{"sources":1},"meta":{"values":{"sources":["Nonsense"]}}}',
      400,
      'validation',
    ],
    [
      'annotations into prototypes',
      'batch.create',
      '{"json":{},"meta":{"values":{"__proto__.x":["Date"]}}}',
      400,
      'validation',
    ],
    ['a body that is too large', 'batch.create', ' '.repeat(70_000), 413, 'payload_too_large'],
    ['annotations of a wrong type', 'batch.create', '{"json":{"sources":[]},"meta":7}', 400, 'validation'],
  ])('%s', async (_name, url, payload, status, code) => {
    const answer = await call(url, payload);
    expect(answer.statusCode).toBe(status);
    const { data } = answer.json().error.json;
    expect(data).toMatchObject({ code, httpStatus: status, requestId: 'order-7' });
    expect(answer.body).not.toMatch(/stack|node_modules|\.ts:/);
  });
});

describe('tokens', () => {
  test('an expired token is rejected, even if it was accepted a moment ago', async () => {
    const short = await createToken(db, { workspaceId, expiresInMs: 60_000 });
    expect((await api.rest(short, 'GET', '/batch/')).status).toBe(200);
    const ended = await createToken(db, { workspaceId, expiresInMs: 60_000 });
    await db.orm.execute(
      sql`update cta.api_tokens set expires_at = now() - interval '1 second' where expires_at is not null`,
    );
    const answer = await api.rest(ended, 'GET', '/batch/');
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  test('are stored as hashes only', async () => {
    const { rows } = await db.orm.execute(sql`select * from cta.api_tokens`);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('are ignored in an address', async () => {
    expect((await api.rest(undefined, 'GET', `/batch/?token=${token}&access_token=${token}`)).status).toBe(
      401,
    );
  });
});

test('returns a problem for an unknown path', async () => {
  const answer = await api.rest(token, 'GET', '//nowhere');
  expect(answer.body).toMatchObject({ status: 404, code: 'not_found', title: 'Not Found' });
  const broken = await api.rest(token, 'GET', '//%zz');
  expect(broken.status).toBe(404);
});

test('allows only the configured origins to call from a browser', async () => {
  const preflight = (origin: string) =>
    api.app.inject({
      method: 'OPTIONS',
      url: `${ROOT}/batch/`,
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
  const allowed = await preflight('https://app.example');
  expect(allowed.statusCode).toBe(204);
  expect(allowed.headers['access-control-allow-origin']).toBe('https://app.example');
  expect(allowed.headers['access-control-allow-headers']).toBe('authorization,content-type');
  expect((await preflight('https://evil.example')).headers['access-control-allow-origin']).not.toBe(
    'https://evil.example',
  );
});

test('returns and logs a 500 for a response with a wrong shape', async () => {
  const { id } = await addQueuedBatch(db, workspaceId, [1]);
  await db.orm.execute(sql`update cta.previews set ranking = '{"score":null}' where batch_id = ${id}`);
  const answer = await api.rest(token, 'GET', `/previews/?bulk_task_id=${id}`);
  expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
  expect(answer.body.errors).toBeUndefined();
  expect(api.log.lines.some((line) => line.level === 'error')).toBe(true);
  const call = api.client(token).previews.list.query({ bulkTaskId: id });
  await expect(call).rejects.toMatchObject({ data: { code: 'internal', httpStatus: 500 } });
});

test('the typed client can read errors that occur before a procedure', async () => {
  const sources = Array.from({ length: 40 }, () => ({ url: `https://shop.example/${'x'.repeat(1900)}` }));
  const call = api.client(token).batch.create.mutate({ sources });
  await expect(call).rejects.toMatchObject({ data: { code: 'payload_too_large', httpStatus: 413 } });
});

test('the response to a body full of mistakes is not longer than the body', async () => {
  const body = { sources: Array.from({ length: 3000 }, () => ({ u: 1 })) };
  const answer = await api.rest(token, 'POST', '/batch/', body);
  expect(answer.status).toBe(400);
  expect(answer.body.errors.length).toBeLessThanOrEqual(50);
});

test.each([
  ['POST', `${ROOT}/batch/`, true, 413],
  ['POST', `${ROOT}/batch/`, false, 401],
  ['POST', '/nowhere', true, 413],
  ['POST', '/trpc/batch.create', true, 413],
])(
  '%s %s with a large body and "Connection: close" gets a response (token: %s)',
  async (method, path, hasToken, status) => {
    const { hostname, port } = new URL(api.address);
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const headers: Record<string, string> = { 'content-type': 'application/json', connection: 'close' };
      if (hasToken) headers.authorization = `Bearer ${token}`;
      const request = http.request({ hostname, port, path, method, headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      request.on('error', reject).end(Buffer.alloc(5_000_000, ' '));
    });
    expect(answer).toBe(status);
  },
);

test.each(['QUERY', 'FOO', 'HEAD', 'DELETE'])('%s never causes a 5xx', async (method) => {
  for (const path of ['/nowhere', `${ROOT}/batch/`, '/trpc/batch.list', '/assets/x']) {
    const { hostname, port } = new URL(api.address);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const request = http.request({ hostname, port, path, method, headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      request.on('error', reject).end();
    }).catch((error: Error) => error);
    expect(status).toBeTypeOf('number');
    expect(status).toBeLessThan(500);
  }
});

test('answers invalid HTTP', async () => {
  const { hostname, port } = new URL(api.address);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write('NONSENSE\r\n\r\n');
  await once(socket, 'close');
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*"status":400/s);
});

test('returns a 503 without details if the database cannot be reached', async () => {
  const away = await openTestDatabase();
  const broken = await startTestApi(away);
  const { token: good } = await away.addWorkspace('x');
  expect((await broken.rest(good, 'GET', '/batch/')).status).toBe(200);
  await away.close();
  const answer = await broken.rest(good, 'GET', '/batch/');
  expect([answer.status, answer.body.code]).toEqual([503, 'unavailable']);
  expect(JSON.stringify(answer.body)).not.toMatch(/postgres|127\.0\.0\.1|CONNECTION/i);
  expect(broken.log.lines.some((line) => line.level === 'error')).toBe(true);
  await broken.close();
  await away.drop();
});

test('derives addresses from the request if PUBLIC_URL is not set', async () => {
  const own = await startTestApi(db, { publicUrl: undefined, trustProxy: true });
  const { id } = await addQueuedBatch(db, workspaceId, [1]);
  const list = (headers: Record<string, string>) =>
    own.rest(token, 'GET', '/batch/?page_size=1', undefined, headers);
  await addQueuedBatch(db, workspaceId, [1]);
  expect((await list({ host: 'cta.internal:8080' })).body.next).toMatch(
    `http://cta.internal:8080${ROOT}/batch/?`,
  );
  const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'cta.example' };
  expect((await list(proxied)).body.next).toMatch(`https://cta.example${ROOT}/batch/?`);
  expect((await list({ host: 'evil"><script>' })).body.next).not.toContain('script');
  expect(id).toBeTruthy();
  await own.close();
});
