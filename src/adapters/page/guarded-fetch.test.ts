import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LookupAll } from './guarded-connector.ts';
import { createGuardedFetch, type GuardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts';

let server: Server;
let origin: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const open: GuardedFetch[] = [];

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((guarded) => guarded.close()));
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const toLoopback: LookupAll = (_host, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

function makeFetch(options: Partial<GuardedFetchOptions> = {}): GuardedFetch {
  const guarded = createGuardedFetch({
    allowHosts: new Set([new URL(origin).host]),
    timeoutMs: 5000,
    userAgent: 'test/1.0',
    ...options,
  });
  open.push(guarded);
  return guarded;
}

function get(
  url: string,
  { maxBytes = 100_000, signal = new AbortController().signal, guarded = makeFetch() } = {},
) {
  return guarded.fetchBytes(url, { accept: 'text/html', maxBytes, signal });
}

describe('what comes back', () => {
  test('bytes, type, and the address after redirects', async () => {
    answer = (request, response) => {
      if (request.url === '/old') return response.writeHead(302, { location: '/n\u00fc' }).end('moved');
      return response
        .setHeader('content-type', 'text/html')
        .end(`${request.url} ${request.headers['user-agent']}`);
    };
    const page = await get(`${origin}/old`);
    expect(page).toMatchObject({ finalUrl: `${origin}/n%C3%BC`, status: 200, contentType: 'text/html' });
    expect(page.body.toString()).toBe('/n%C3%BC test/1.0');
  });

  test('the referer goes out', async () => {
    answer = (request, response) => response.end(request.headers.referer);
    const page = await makeFetch().fetchBytes(origin, {
      accept: 'image/*',
      maxBytes: 1000,
      signal: new AbortController().signal,
      referer: 'https://shop.test/p/1',
    });
    expect(page.body.toString()).toBe('https://shop.test/p/1');
  });

  test.each([
    [404, 'page_gone'],
    [410, 'page_gone'],
    [401, 'page_login'],
    [403, 'page_blocked'],
    [429, 'page_throttled'],
    [451, 'page_blocked'],
    [500, 'page_failed'],
    [503, 'page_failed'],
    [418, 'page_failed'],
    [304, 'page_failed'],
  ])('status %i is %s', async (status, code) => {
    answer = (_, response) => response.writeHead(status).end('sorry');
    await expect(get(origin)).rejects.toMatchObject({ code });
  });

  test('how long a shop wants us to wait', async () => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_throttled', retryAfterMs: 7000 });
    answer = (_, response) => response.writeHead(429).end();
    await expect(get(origin)).rejects.toMatchObject({ retryAfterMs: undefined });
  });

  test('a challenge is a block, whatever its status, and though it is compressed', async () => {
    answer = (_, response) =>
      response.writeHead(503, { 'content-encoding': 'gzip' }).end(gzipSync('<title>Robot Check</title>'));
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_blocked' });
    answer = (_, response) => response.writeHead(503).end('<title>Robot Check</title>');
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_blocked' });
    answer = (_, response) => response.writeHead(202, { 'x-amzn-waf-action': 'challenge' }).end();
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_blocked' });
  });
});

describe('the guard', () => {
  const privateUrls = [
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://0/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[fd00:ec2::254]/',
    'https://10.0.0.1/',
    'http://localhost/',
    'http://localhost./',
    'http://①②⑦.⓪.⓪.①/',
  ];

  test.each([
    ...privateUrls,
    'ftp://shop.test/',
    'file:///etc/passwd',
    'http://user:pass@shop.test/',
    'http://shop.test:22/',
    'https://shop.test:6000/',
    'not an address',
    `http://shop.test/${'x'.repeat(2100)}`,
  ])('refuses %s', async (url) => {
    await expect(get(url, { guarded: makeFetch({ lookupAll: toLoopback }) })).rejects.toMatchObject({
      code: 'address_refused',
    });
  });

  test.each(privateUrls)('refuses a redirect to %s', async (url) => {
    answer = (_, response) =>
      response.writeHead(301, { location: Buffer.from(url).toString('latin1') }).end();
    await expect(get(origin, { guarded: makeFetch({ lookupAll: toLoopback }) })).rejects.toMatchObject({
      code: 'address_refused',
    });
  });

  test('another port of an allowed host is refused', async () => {
    await expect(get('http://127.0.0.1:1234/')).rejects.toMatchObject({ code: 'address_refused' });
  });

  test('one private answer of DNS refuses the name', async () => {
    const lookupAll: LookupAll = (_host, _options, callback) =>
      callback(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]);
    await expect(get('http://shop.test/', { guarded: makeFetch({ lookupAll }) })).rejects.toMatchObject({
      code: 'address_refused',
    });
  });

  test('a name is looked up once for a connection, so a second answer cannot differ', async () => {
    const asked: string[] = [];
    const lookupAll: LookupAll = (host, _options, callback) => {
      asked.push(host);
      callback(null, [{ address: asked.length === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }]);
    };
    await expect(get('http://shop.test/', { guarded: makeFetch({ lookupAll }) })).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(asked).toEqual(['shop.test']);
  });

  test('a name that is not there, a closed port', async () => {
    const lookupAll: LookupAll = (_host, _options, callback) =>
      callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
    await expect(get('http://shop.test/', { guarded: makeFetch({ lookupAll }) })).rejects.toMatchObject({
      code: 'dns_failed',
    });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const host = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    other.close();
    await once(other, 'close');
    const failure = await get(`http://${host}/`, {
      guarded: makeFetch({ allowHosts: new Set([host]) }),
    }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'page_unreachable' });
    expect(failure.message).not.toContain('127.0.0.1');
    expect(failure.cause).toBeInstanceOf(Error);
  });
});

describe('compression', () => {
  const text = 'A cup, a mug and a saucer. '.repeat(50);
  const random = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * i * 31 + i) % 251));
  const coded = {
    gzip: gzipSync(random),
    deflate: deflateSync(random),
    br: brotliCompressSync(random),
  };
  const codings = Object.entries(coded);

  /** Ends with its connection: nothing says how long the body is. */
  function sendUntilClose(encoding: string, body: Buffer): void {
    answer = (_, response) => {
      response.setHeader('content-encoding', encoding).removeHeader('transfer-encoding');
      response.shouldKeepAlive = false;
      // Else Node would count the body and announce its length.
      response.flushHeaders();
      response.end(body);
    };
  }

  test.each([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['BR', brotliCompressSync(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
    ['identity', Buffer.from(text)],
    ['utf-8', Buffer.from(text)],
  ])('%s is undone', async (encoding, body) => {
    answer = (request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip, deflate, br');
      response.setHeader('content-encoding', encoding).end(body);
    };
    expect((await get(origin)).body.toString()).toBe(text);
  });

  test.each(codings)(
    '%s without its end, and nothing else that frames it, is cut',
    async (encoding, body) => {
      sendUntilClose(encoding, body.subarray(0, -20));
      await expect(get(origin)).rejects.toMatchObject({ code: 'page_cut' });
      sendUntilClose(encoding, body);
      expect((await get(origin)).body.equals(random)).toBe(true);
    },
  );

  test('gzip without its last bytes is forgiven when its length, or its last chunk, has come', async () => {
    const body = coded.gzip.subarray(0, -8);
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(body);
    expect((await get(origin)).body.equals(random)).toBe(true);
    answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip').write(body);
      response.end();
    };
    expect((await get(origin)).body.equals(random)).toBe(true);
  });

  test.each([
    ['gzip', Buffer.from('plain')],
    ['br', Buffer.alloc(100, 0xff)],
    ['deflate', Buffer.from('plain')],
    ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('x')))],
  ])('%s that is something else, or stacked too high, fails', async (encoding, body) => {
    answer = (_, response) => response.setHeader('content-encoding', encoding).end(body);
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_failed' });
  });
});

describe('bounds', () => {
  test('redirects in a circle, without an address, to something else than the web', async () => {
    let hops = 0;
    answer = (_, response) => {
      hops += 1;
      response.writeHead(302, { location: '/again' }).end();
    };
    await expect(get(origin)).rejects.toMatchObject({ code: 'bad_redirect' });
    expect(hops).toBe(6);
    answer = (_, response) => response.writeHead(302).end();
    await expect(get(origin)).rejects.toMatchObject({ code: 'bad_redirect' });
    answer = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await expect(get(origin)).rejects.toMatchObject({ code: 'bad_redirect' });
  });

  test('too large: announced, counted, and only after decompression', async () => {
    answer = (_, response) => response.end(Buffer.alloc(2000));
    await expect(get(origin, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'page_too_large' });
    answer = (_, response) => {
      response.write(Buffer.alloc(600));
      response.end(Buffer.alloc(600));
    };
    await expect(get(origin, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'page_too_large' });
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(bomb);
    await expect(get(origin, { maxBytes: 100_000 })).rejects.toMatchObject({ code: 'page_too_large' });
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('small'));
    expect((await get(origin)).body.toString()).toBe('small');
  });

  test('a body shorter than announced, and one cut within its chunks', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half');
      setImmediate(() => response.destroy());
    };
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_cut' });
    answer = (_, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    };
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_cut' });
    answer = (_, response) => response.destroy();
    await expect(get(origin)).rejects.toMatchObject({ code: 'page_unreachable' });
  });

  test('a slow drip ends with the whole time, silence with the idle time', async () => {
    answer = (_, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    };
    await expect(get(origin, { guarded: makeFetch({ timeoutMs: 200 }) })).rejects.toMatchObject({
      code: 'page_timeout',
    });
    answer = (_, response) => response.write('.');
    await expect(get(origin, { guarded: makeFetch({ idleTimeoutMs: 100 }) })).rejects.toMatchObject({
      code: 'page_timeout',
    });
    answer = () => {};
    await expect(get(origin, { guarded: makeFetch({ idleTimeoutMs: 100 }) })).rejects.toMatchObject({
      code: 'page_timeout',
    });
  });

  test('an abort throws its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('stopped');
    answer = () => controller.abort(reason);
    await expect(get(origin, { signal: controller.signal })).rejects.toBe(reason);
    await expect(get(origin, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('at most 8 requests of a host at once', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    let seen = 0;
    answer = (_, response) => {
      seen += 1;
      waiting.push(response);
      most = Math.max(most, waiting.length);
      // The first eight wait for each other; then one leaves for each that comes.
      if (seen >= 8) waiting.shift()?.end();
      if (seen === 20) for (const other of waiting.splice(0)) other.end();
    };
    const guarded = makeFetch();
    await Promise.all(Array.from({ length: 20 }, () => get(origin, { guarded })));
    expect(most).toBe(8);
  });
});
