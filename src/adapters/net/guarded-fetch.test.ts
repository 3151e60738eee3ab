import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OwnSite, startOwnSite } from '../../../test/support/own-site.ts';

let site: OwnSite;
beforeEach(async () => {
  site = await startOwnSite();
});
afterEach(() => site.close());

describe('the response', () => {
  test('has the bytes, the type, and the address after redirects', async () => {
    site.answer = (request, response) => {
      if (request.url === '/old') return response.writeHead(302, { location: '/n\u00fc' }).end('moved');
      return response
        .setHeader('content-type', 'text/html')
        .end(`${request.url} ${request.headers['user-agent']}`);
    };
    const page = await site.get(`${site.origin}/old`);
    expect(page).toMatchObject({ finalUrl: `${site.origin}/n%C3%BC`, status: 200, contentType: 'text/html' });
    expect(page.body.toString()).toBe('/n%C3%BC test/1.0');
  });

  test('sends the Referer that browsers send, at each redirect', async () => {
    const referers: (string | undefined)[] = [];
    const other = await startOwnSite();
    other.answer = (request, response) => {
      referers.push(request.headers.referer);
      response.writeHead(302, { location: `${site.origin}/end` }).end();
    };
    site.answer = (request, response) => {
      referers.push(request.headers.referer);
      if (request.url === '/end') response.end();
      else response.writeHead(302, { location: other.origin }).end();
    };
    const hosts = [site.origin, other.origin].map((origin) => new URL(origin).host);
    await site.makeFetch({ allowHosts: new Set(hosts) }).fetchBytes(`${site.origin}/begin`, {
      accept: 'image/*',
      maxBytes: 1000,
      owner: 'test',
      signal: new AbortController().signal,
      referer: `${site.origin}/private?token=abc#part`,
    });
    const page = `${site.origin}/private?token=abc`;
    expect(referers).toEqual([page, `${site.origin}/`, page]);
    await other.close();
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
  ])('maps status %i to %s', async (status, code) => {
    site.answer = (_, response) => response.writeHead(status).end('sorry');
    await expect(site.get(site.origin)).rejects.toMatchObject({ code });
  });

  test('has the time that a shop asks us to wait', async () => {
    site.answer = (_, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_throttled', retryAfterMs: 7000 });
    site.answer = (_, response) => response.writeHead(429).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ retryAfterMs: undefined });
  });

  test('is a block for a bot check with any status, also if compressed', async () => {
    site.answer = (_, response) =>
      response.writeHead(503, { 'content-encoding': 'gzip' }).end(gzipSync('<title>Robot Check</title>'));
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_blocked' });
    site.answer = (_, response) => response.writeHead(503).end('<title>Robot Check</title>');
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_blocked' });
    site.answer = (_, response) => response.writeHead(202, { 'x-amzn-waf-action': 'challenge' }).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_blocked' });
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

  /** The body ends with the connection: no header states its length. */
  function sendUntilClose(encoding: string, body: Buffer): void {
    site.answer = (_, response) => {
      response.setHeader('content-encoding', encoding).removeHeader('transfer-encoding');
      response.shouldKeepAlive = false;
      // Without this, Node.js would add a Content-Length.
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
  ])('decodes %s', async (encoding, body) => {
    site.answer = (request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip, deflate, br');
      response.setHeader('content-encoding', encoding).end(body);
    };
    expect((await site.get(site.origin)).body.toString()).toBe(text);
  });

  test.each(codings)('reports truncated %s if nothing else frames it', async (encoding, body) => {
    sendUntilClose(encoding, body.subarray(0, -20));
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_cut' });
    sendUntilClose(encoding, body);
    expect((await site.get(site.origin)).body.equals(random)).toBe(true);
  });

  test('accepts gzip without its last bytes if the length or the last chunk is complete', async () => {
    const body = coded.gzip.subarray(0, -8);
    site.answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(body);
    expect((await site.get(site.origin)).body.equals(random)).toBe(true);
    site.answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip').write(body);
      response.end();
    };
    expect((await site.get(site.origin)).body.equals(random)).toBe(true);
  });

  test.each([
    ['gzip', Buffer.from('plain')],
    ['br', Buffer.alloc(100, 0xff)],
    ['deflate', Buffer.from('plain')],
    ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('x')))],
  ])('fails for %s with wrong content or too many layers', async (encoding, body) => {
    site.answer = (_, response) => response.setHeader('content-encoding', encoding).end(body);
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_failed' });
  });
});

describe('limits', () => {
  test('rejects redirect loops, redirects without an address, and other protocols', async () => {
    let hops = 0;
    site.answer = (_, response) => {
      hops += 1;
      response.writeHead(302, { location: '/again' }).end();
    };
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'bad_redirect' });
    expect(hops).toBe(6);
    site.answer = (_, response) => response.writeHead(302).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'bad_redirect' });
    site.answer = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'bad_redirect' });
  });

  test('rejects bodies that are too large by their header, by their bytes, or after decompression', async () => {
    site.answer = (_, response) => response.end(Buffer.alloc(2000));
    await expect(site.get(site.origin, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'page_too_large' });
    site.answer = (_, response) => {
      response.write(Buffer.alloc(600));
      response.end(Buffer.alloc(600));
    };
    await expect(site.get(site.origin, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'page_too_large' });
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    site.answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(bomb);
    await expect(site.get(site.origin, { maxBytes: 100_000 })).rejects.toMatchObject({
      code: 'page_too_large',
    });
    site.answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('small'));
    expect((await site.get(site.origin)).body.toString()).toBe('small');
  });

  test('rejects a body shorter than announced, and one truncated within its chunks', async () => {
    site.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half');
      setImmediate(() => response.destroy());
    };
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_cut' });
    site.answer = (_, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    };
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_cut' });
    site.answer = (_, response) => response.destroy();
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_unreachable' });
  });

  test('ends a slow response by the total timeout, and a silent one by the idle timeout', async () => {
    site.answer = (_, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    };
    await expect(
      site.get(site.origin, { guarded: site.makeFetch({ timeoutMs: 200 }) }),
    ).rejects.toMatchObject({
      code: 'page_timeout',
    });
    site.answer = (_, response) => response.write('.');
    await expect(
      site.get(site.origin, { guarded: site.makeFetch({ idleTimeoutMs: 100 }) }),
    ).rejects.toMatchObject({
      code: 'page_timeout',
    });
    site.answer = () => {};
    await expect(
      site.get(site.origin, { guarded: site.makeFetch({ idleTimeoutMs: 100 }) }),
    ).rejects.toMatchObject({
      code: 'page_timeout',
    });
  });

  test('throws the reason of an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('stopped');
    site.answer = () => controller.abort(reason);
    await expect(site.get(site.origin, { signal: controller.signal })).rejects.toBe(reason);
    await expect(site.get(site.origin, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('sends at most 8 requests to a host at the same time', async () => {
    const waiting: ServerResponse[] = [];
    let max = 0;
    let seen = 0;
    site.answer = (_, response) => {
      seen += 1;
      waiting.push(response);
      max = Math.max(max, waiting.length);
      // The first eight wait for each other. Then each new request ends a waiting one.
      if (seen >= 8) waiting.shift()?.end();
      if (seen === 20) for (const other of waiting.splice(0)) other.end();
    };
    const guarded = site.makeFetch();
    await Promise.all(Array.from({ length: 20 }, () => site.get(site.origin, { guarded })));
    expect(max).toBe(8);
  });
});

describe('a reused connection', () => {
  test('is replaced if the server has closed it before the next request', async () => {
    const used = new WeakSet<Socket>();
    let closed = 0;
    site.answer = ({ socket, url }, response) => {
      if (!used.has(socket)) {
        used.add(socket);
        response.end(url);
        return;
      }
      closed += 1;
      socket.destroy();
    };
    const guarded = site.makeFetch();
    // A connection becomes reusable some iterations of the event loop after its last answer.
    for (let i = 0; closed < 3; i += 1) {
      expect((await site.get(`${site.origin}/${i}`, { guarded })).body.toString()).toBe(`/${i}`);
      await nextTurn();
    }
  });

  test('is replaced only once if the server closes every connection', async () => {
    let requests = 0;
    site.answer = ({ socket }) => {
      requests += 1;
      socket.destroy();
    };
    await expect(site.get(site.origin)).rejects.toMatchObject({ code: 'page_unreachable' });
    expect(requests).toBe(2);
  });
});
