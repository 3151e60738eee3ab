import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createSendOnce } from '../../src/adapters/ai/send-once.ts';
import { createGuardedFetch, type GuardedFetchOptions } from '../../src/adapters/net/guarded-fetch.ts';
import type { LookupAll } from '../../src/adapters/net/host-resolver.ts';
import { parseProxy } from '../../src/adapters/net/proxy.ts';
import { createWebhookSender } from '../../src/adapters/webhooks/webhook-sender.ts';
import { type FakeProxy, type FakeProxyOptions, startFakeProxy } from '../fakes/fake-proxy.ts';
import { OWN_CERTIFICATE, OWN_KEY } from '../fakes/own-certificate.ts';
import { makeCall } from './make-call.ts';

/*
 * No resolver knows the names of the hosts, so a request that arrives must have come through the
 * proxy.
 */

const usual = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([...usual, OWN_CERTIFICATE]));
afterAll(() => setDefaultCACertificates(usual));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startProxy(options?: FakeProxyOptions): Promise<FakeProxy> {
  const proxy = await startFakeProxy(options);
  closers.push(() => proxy.close());
  return proxy;
}

/** A site that returns the headers it received and records its requests. */
async function startSite(isSecure: boolean) {
  const seen: string[] = [];
  const listener: http.RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    seen.push(`${method} ${headers.host}${url} ${body}`);
    if (url === '/407') response.writeHead(407).end();
    else if (url === '/moved') response.writeHead(302, { location: '/there' }).end();
    else response.end(JSON.stringify(headers));
  };
  const server = isSecure
    ? https.createServer({ cert: OWN_CERTIFICATE, key: OWN_KEY }, listener)
    : http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function withLogin(proxy: FakeProxy): URL {
  const url = parseProxy(proxy.origin);
  url.username = 'us%40er';
  url.password = 'pa%2Fss%25';
  return url;
}
const CREDENTIALS = 'us@er:pa/ss%';
const BASIC = `Basic ${Buffer.from(CREDENTIALS).toString('base64')}`;

test.each([
  ['https', false],
  ['https', true],
  ['http', false],
  ['http', true],
] as const)('sends an AI call over %s through the proxy (secure: %s) once', async (scheme, isSecure) => {
  const site = await startSite(scheme === 'https');
  const proxy = await startProxy({ isSecure, credentials: CREDENTIALS });
  const port = scheme === 'https' ? 443 : 80;
  proxy.routes.set(`ai.test:${port}`, site.host);
  const { call, leftAt } = makeCall();
  const send = createSendOnce(call, { proxies: { [scheme]: withLogin(proxy) } });
  const response = await send(`${scheme}://ai.test/v1/x?y=1`, { method: 'POST', body: 'hello' });
  expect(response.status).toBe(200);
  const headers = (await response.json()) as Record<string, string>;
  expect(headers).toMatchObject({ host: 'ai.test' });
  expect(headers).not.toHaveProperty('proxy-authorization');
  expect(site.seen).toEqual(['POST ai.test/v1/x?y=1 hello']);
  expect(proxy.requests).toEqual([
    scheme === 'https'
      ? { method: 'CONNECT', target: 'ai.test:443', host: 'ai.test:443', authorization: BASIC }
      : { method: 'POST', target: 'http://ai.test/v1/x?y=1', host: 'ai.test', authorization: BASIC },
  ]);
  expect(leftAt).toHaveLength(1);
});

test.each([
  ['https', undefined],
  ['https', 'a:b'],
  ['http', 'a:b'],
] as const)(
  '%s: reports a refusing proxy (credentials %s) as an unreachable service',
  async (scheme, credentials) => {
    const site = await startSite(scheme === 'https');
    const proxy = await startProxy(credentials === undefined ? {} : { credentials });
    if (credentials !== undefined) proxy.routes.set('ai.test:443', site.host);
    const { call } = makeCall();
    const send = createSendOnce(call, { proxies: { [scheme]: parseProxy(proxy.origin) } });
    await expect(send(`${scheme}://ai.test/`)).rejects.toMatchObject({ code: 'ai_unreachable' });
    expect(site.seen).toEqual([]);
    expect(proxy.requests).toHaveLength(1);
  },
);

test('treats a 407 of the service as its response, directly and through a tunnel', async () => {
  const site = await startSite(true);
  const plainSite = await startSite(false);
  const proxy = await startProxy();
  proxy.routes.set('ai.test:443', site.host);
  const proxies = { https: parseProxy(proxy.origin), http: parseProxy(proxy.origin) };
  for (const url of ['https://ai.test/407', `http://${plainSite.host}/407`]) {
    const response = await createSendOnce(makeCall().call, { proxies })(url);
    expect(response.status, url).toBe(407);
  }
  expect(proxy.requests).toHaveLength(1);
});

test('sends nothing if the proxy is missing or has no certificate for the host', async () => {
  const proxy = await startProxy();
  const site = await startSite(true);
  proxy.routes.set('other.test:443', site.host);
  const { call, leftAt } = makeCall();
  for (const https of [parseProxy('http://127.0.0.1:1'), parseProxy(proxy.origin)]) {
    const sending = createSendOnce(call, { proxies: { https } })('https://other.test/');
    await expect(sending).rejects.toMatchObject({ code: 'ai_unreachable' });
  }
  expect({ leftAt, seen: site.seen }).toEqual({ leftAt: [], seen: [] });
});

test('sends nothing if the proxy opens no tunnel while the slot is valid, or before an abort', async () => {
  const proxy = await startProxy({ isSilent: true });
  const proxies = { https: parseProxy(proxy.origin) };
  const { call, leftAt } = makeCall({ sendBefore: performance.now() + 100 });
  const sending = createSendOnce(call, { proxies })('https://ai.test/');
  await expect(sending).rejects.toMatchObject({ code: 'slot_expired' });
  const controller = new AbortController();
  const patient = createSendOnce(makeCall({ signal: controller.signal }).call, { proxies })(
    'https://ai.test/',
  );
  controller.abort('why');
  await expect(patient).rejects.toBe('why');
  expect(leftAt).toEqual([]);
});

const toPublic: LookupAll = (host, _options, callback) =>
  callback(null, [{ address: host === 'inner.test' ? '10.0.0.1' : '93.184.216.34', family: 4 }]);

function makeFetch(options: Partial<GuardedFetchOptions>) {
  const guarded = createGuardedFetch({
    allowHosts: new Set(),
    timeoutMs: 5000,
    userAgent: 'test/1.0',
    lookupAll: toPublic,
    ...options,
  });
  closers.push(() => guarded.close());
  const request = { accept: '*/*', maxBytes: 10_000, owner: 'alice', signal: new AbortController().signal };
  return (url: string) => guarded.fetchBytes(url, request);
}

test.each(['http', 'https'] as const)(
  'a page over %s: asks the proxy for the checked address',
  async (scheme) => {
    const site = await startSite(scheme === 'https');
    const proxy = await startProxy({ credentials: CREDENTIALS });
    const port = scheme === 'https' ? 443 : 80;
    proxy.routes.set(`93.184.216.34:${port}`, site.host);
    const get = makeFetch({ proxy: withLogin(proxy) });
    const page = await get(`${scheme}://shop.test/moved`);
    expect(page.finalUrl).toBe(`${scheme}://shop.test/there`);
    expect(JSON.parse(page.body.toString())).toMatchObject({ host: 'shop.test', 'user-agent': 'test/1.0' });
    expect(site.seen).toEqual(['GET shop.test/moved ', 'GET shop.test/there ']);
    const connect = { method: 'CONNECT', target: `93.184.216.34:${port}`, authorization: BASIC };
    expect(proxy.requests.length).toBeGreaterThan(0);
    for (const request of proxy.requests) expect(request).toMatchObject(connect);
  },
);

test('does not pass refused addresses to the proxy', async () => {
  const proxy = await startProxy();
  const get = makeFetch({ proxy: parseProxy(proxy.origin) });
  const refused = ['http://inner.test/', 'http://10.0.0.1/', 'http://shop.test:5432/', 'https://[::1]/'];
  for (const url of refused) await expect(get(url)).rejects.toMatchObject({ code: 'address_refused' });
  expect(proxy.requests).toEqual([]);
});

test('tries the next address if the proxy cannot reach one', async () => {
  const site = await startSite(false);
  const proxy = await startProxy();
  proxy.routes.set('[2606:4700::1111]:80', site.host);
  const lookupAll: LookupAll = (_host, _options, callback) =>
    callback(null, [
      { address: '93.184.216.34', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
  await makeFetch({ proxy: parseProxy(proxy.origin), lookupAll })('http://shop.test/');
  expect(proxy.requests.map(({ target }) => target)).toEqual(['93.184.216.34:80', '[2606:4700::1111]:80']);
});

test('fetches excepted hosts directly, while others fail with their proxy', async () => {
  const site = await startSite(false);
  const proxy = parseProxy('http://127.0.0.1:1');
  const get = makeFetch({ proxy, allowHosts: new Set([site.host]) });
  expect((await get(`http://${site.host}/`)).status).toBe(200);
  await expect(get('http://shop.test/')).rejects.toMatchObject({ code: 'page_unreachable' });
});

test('sends a webhook through the same proxy', async () => {
  const site = await startSite(true);
  const proxy = await startProxy();
  proxy.routes.set('93.184.216.34:443', site.host);
  const sender = createWebhookSender({
    allowHosts: new Set(),
    proxy: parseProxy(proxy.origin),
    lookupAll: toPublic,
  });
  closers.push(() => sender.close());
  const message = { id: '1', url: 'https://shop.test/hook', secret: 'whsec_AAAA', body: '{}' };
  const requester = { owner: 'alice', signal: new AbortController().signal };
  expect(await sender.send(message, requester)).toEqual({ status: 200, error: null });
  expect(site.seen).toEqual(['POST shop.test/hook {}']);
});
