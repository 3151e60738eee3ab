import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { openApiWithPreview } from '../support/open-api-with-preview.ts';
import { ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';

/* Tests which permissions the answers of each API give to browsers. */

/** For all data, whatever the request and its result. */
const DATA = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
const HSTS = 'max-age=31536000';

let db: TestDatabase;
let api: TestApi;
let token: string;
let batchId: string;
let embedPath: string;
let assetPath: string;
beforeAll(async () => {
  const opened = await openApiWithPreview({ frameAncestors: 'https://shop.example' });
  ({ db, api, token, batchId, embedPath, assetPath } = opened);
  return opened.close;
});

describe('data', () => {
  test.each([
    ['REST', 200, () => ({ url: `${ROOT}/batch/` })],
    [
      'REST, not changed',
      304,
      async () => ({ url: `${ROOT}/batch/`, headers: { 'if-none-match': await tag() } }),
    ],
    ['REST, a wrong input', 400, () => ({ url: `${ROOT}/batch/`, method: 'POST' as const, payload: {} })],
    ['REST, nothing there', 404, () => ({ url: `${ROOT}/batch/none/` })],
    ['REST, without a token', 401, () => ({ url: `${ROOT}/batch/`, headers: { authorization: '' } })],
    ['tRPC', 200, () => ({ url: '/trpc/limits.get' })],
    ['tRPC, a wrong input', 400, () => ({ url: '/trpc/batch.get' })],
    ['tRPC, nothing there', 404, () => ({ url: '/trpc/none.none' })],
    ['the document', 200, () => ({ url: '/openapi.json' })],
    ['an image that is not there', 404, () => ({ url: `/assets/${'x'.repeat(32)}` })],
    ['a CTA that is not there', 404, () => ({ url: `/cta/${'x'.repeat(32)}` })],
    ['unknown address', 404, () => ({ url: '/nothing' })],
    ['an address that is none', 404, () => ({ url: '/%zz' })],
  ])('%s', async (_name, status, make) => {
    const { headers, ...asked } = { headers: {}, ...(await make()) };
    const answer = await api.app.inject({
      ...asked,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject(DATA);
    expect(answer.headers).not.toHaveProperty('strict-transport-security');
  });

  test('event streams', async () => {
    for (const path of [
      `${ROOT}/batch/${batchId}/events/`,
      `/trpc/batch.watch?input=${encodeURIComponent(JSON.stringify({ json: { id: batchId } }))}`,
    ]) {
      const answer = await fetch(api.address + path, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      expect(Object.fromEntries(answer.headers)).toMatchObject(DATA);
      await answer.body?.cancel();
    }
  });

  test('invalid HTTP', async () => {
    const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]+\r\nX-Content-Type-Options: nosniff\r\n/);
  });
});

describe('content for pages of other sites has its own policy', () => {
  test('images', async () => {
    const { headers, statusCode } = await api.app.inject(assetPath);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
  });

  test('CTAs', async () => {
    const { headers, statusCode } = await api.app.inject(embedPath);
    expect(statusCode).toBe(200);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; img-src 'self'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors https:\/\/shop\.example$/,
    );
    expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
    expect(headers).not.toHaveProperty('x-frame-options');
    expect(headers).not.toHaveProperty('cross-origin-opener-policy');
  });
});

test.each(['/docs/', '/errors'])('%s can be read, but not framed', async (path) => {
  const { headers, statusCode } = await api.app.inject(path);
  expect(statusCode).toBe(200);
  const { 'content-security-policy': _, ...others } = DATA;
  expect(headers).toMatchObject(others);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
});

describe('Strict-Transport-Security is sent', () => {
  test('if PUBLIC_URL is https', async () => {
    const secure = await startTestApi(db, { publicUrl: 'https://cta.example' });
    for (const url of [`${ROOT}/batch/`, embedPath, assetPath, '/docs/', '/errors', '/%zz'])
      expect((await secure.app.inject(url)).headers['strict-transport-security'], url).toBe(HSTS);
    await secure.close();
  });

  test('if a trusted proxy says that the request used https, and only then', async () => {
    const behind = await startTestApi(db, { publicUrl: undefined, trustProxy: true });
    const headers = { 'x-forwarded-proto': 'https' };
    const ask = async (app: TestApi) => (await app.app.inject({ url: '/errors', headers })).headers;
    expect((await ask(behind))['strict-transport-security']).toBe(HSTS);
    expect(await ask(api)).not.toHaveProperty('strict-transport-security');
    await behind.close();
  });
});

async function tag(): Promise<string> {
  return String((await api.rest(token, 'GET', '/batch/')).headers.etag);
}
