import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { createSendOnce } from '../../src/adapters/ai/send-once.ts';
import { makeCall } from './make-call.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) close();
});

async function listen(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a server that counts connections and bytes, and never answers. */
async function listenSilently() {
  const seen = { connections: 0, bytes: 0 };
  const host = await listen(
    net.createServer((socket) => {
      seen.connections++;
      socket.on('data', (data) => {
        seen.bytes += data.length;
      });
    }),
  );
  return { host, seen };
}

test('sends one plain request and returns the whole response', async () => {
  let received = {};
  const host = await listen(
    http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      received = { method: request.method, url: request.url, headers: request.headers, body };
      response.writeHead(201, { 'x-request-id': 'r1', 'set-cookie': ['a=1', 'b=2'] }).end('done');
    }),
  );
  const { call, leftAt } = makeCall();
  const response = await createSendOnce(call)(`http://${host}/v1/x?y=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"ü":1}',
  });
  expect(response.status).toBe(201);
  expect(response.headers.get('x-request-id')).toBe('r1');
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(await response.text()).toBe('done');
  expect(leftAt).toHaveLength(1);
  expect(received).toMatchObject({
    method: 'POST',
    url: '/v1/x?y=1',
    body: '{"ü":1}',
    headers: { 'content-length': '8', connection: 'close', 'accept-encoding': 'identity' },
  });
});

test('sends a form with its boundary and length', async () => {
  let form = new FormData();
  const host = await listen(
    http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const headers = { 'content-type': request.headers['content-type'] ?? '' };
      form = await new Response(Buffer.concat(chunks), { headers }).formData();
      response.end(request.headers['content-length']);
    }),
  );
  const body = new FormData();
  body.set('prompt', 'hello');
  body.set('image', new File([new Uint8Array(200_000)], 'a.png', { type: 'image/png' }));
  const response = await createSendOnce(makeCall().call)(`http://${host}/`, { method: 'POST', body });
  expect(Number(await response.text())).toBeGreaterThan(200_000);
  expect(form.get('prompt')).toBe('hello');
  expect((form.get('image') as File).size).toBe(200_000);
});

test('returns a redirect as a response and does not follow it', async () => {
  const host = await listen(
    http.createServer((_, response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end()),
  );
  expect((await createSendOnce(makeCall().call)(`http://${host}/`)).status).toBe(302);
});

test('opens no connection with an expired slot', async () => {
  const { host, seen } = await listenSilently();
  const { call, leftAt } = makeCall({ sendBefore: performance.now() - 1 });
  await expect(createSendOnce(call)(`http://${host}/`)).rejects.toMatchObject({ code: 'slot_expired' });
  expect({ ...seen, leftAt }).toEqual({ connections: 0, bytes: 0, leftAt: [] });
});

test('sends nothing if the event loop stalls between connecting and writing', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  const host = await listen(
    net.createServer((socket) => {
      let bytes = 0;
      socket.on('data', (data) => {
        bytes += data.length;
      });
      socket.on('close', () => resolve(bytes));
    }),
  );
  const { call, leftAt } = makeCall();
  // Simulates a stall: the slot has expired, but its timer has not run yet.
  const stall = () => void Object.assign(call, { sendBefore: performance.now() });
  const sending = createSendOnce(call, { onConnected: stall })(`http://${host}/`, {
    method: 'POST',
    body: 'x',
  });
  await expect(sending).rejects.toMatchObject({ code: 'slot_expired' });
  expect(await closed).toBe(0);
  expect(leftAt).toEqual([]);
});

test('sends nothing if the handshake takes longer than the slot', async () => {
  const { host } = await listenSilently();
  const { call, leftAt } = makeCall({ sendBefore: performance.now() + 100 });
  await expect(createSendOnce(call)(`https://${host}/`)).rejects.toMatchObject({ code: 'slot_expired' });
  expect(leftAt).toEqual([]);
});

test.each([
  ['a closed port', async () => 'http://127.0.0.1:1/'],
  ['an unknown host', async () => 'http://no-such-host.invalid/'],
  [
    'a server without TLS',
    async () => `https://${await listen(http.createServer((_, response) => response.end()))}/`,
  ],
])('reports %s as unreachable', async (_, makeUrl) => {
  const { call, leftAt } = makeCall();
  await expect(createSendOnce(call)(await makeUrl())).rejects.toMatchObject({ code: 'ai_unreachable' });
  expect(leftAt).toEqual([]);
});

test('reports a connection that does not open within the timeout as unreachable', async () => {
  const { host } = await listenSilently();
  const { call } = makeCall({ timeoutMs: 80 });
  await expect(createSendOnce(call)(`https://${host}/`)).rejects.toMatchObject({ code: 'ai_unreachable' });
});

test('reports a missing response as a timeout of a request that has left', async () => {
  const came = Promise.withResolvers<void>();
  const host = await listen(net.createServer((socket) => socket.once('data', () => came.resolve())));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { call, leftAt, left } = makeCall();
  const sending = createSendOnce(call)(`http://${host}/`);
  await Promise.all([came.promise, left]);
  vi.advanceTimersByTime(call.timeoutMs);
  await expect(sending).rejects.toMatchObject({ code: 'ai_timeout' });
  expect(leftAt).toHaveLength(1);
});

test.each([
  ['before the answer', ''],
  ['in the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'],
  ['with something that is not HTTP', 'SSH-2.0-OpenSSH\r\n'],
])('reports a connection that ends %s as lost', async (_, answer) => {
  const host = await listen(
    net.createServer((socket) => {
      socket.once('data', () => socket.end(answer));
    }),
  );
  const { call, leftAt } = makeCall();
  await expect(createSendOnce(call)(`http://${host}/`)).rejects.toMatchObject({ code: 'ai_connection_lost' });
  expect(leftAt).toHaveLength(1);
});

test('counts a request as left, once, if the response arrives before it was read', async () => {
  const host = await listen(
    net.createServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n');
      });
    }),
  );
  const { call, leftAt } = makeCall();
  const body = new Uint8Array(30_000_000);
  const response = await createSendOnce(call)(`http://${host}/`, { method: 'POST', body });
  expect(response.status).toBe(429);
  expect(leftAt).toHaveLength(1);
});

test('accepts a response that ends with the connection', async () => {
  const host = await listen(
    net.createServer((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5_000_000)}`));
    }),
  );
  const response = await createSendOnce(makeCall().call)(`http://${host}/`);
  expect((await response.text()).length).toBe(5_000_000);
});

test('stops reading a response of more than 50 MB', async () => {
  const host = await listen(
    http.createServer((_, response) => {
      const chunk = Buffer.alloc(1_000_000);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    }),
  );
  await expect(createSendOnce(makeCall().call)(`http://${host}/`)).rejects.toMatchObject({
    code: 'ai_bad_answer',
  });
});

test.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['br, gzip', (text: string) => gzipSync(brotliCompressSync(text))],
  ['identity', (text: string) => Buffer.from(text)],
] as const)(
  'reads a response that is compressed (%s) without a request for compression',
  async (encoding, encode) => {
    const host = await listen(
      http.createServer((_, response) =>
        response.writeHead(400, { 'content-encoding': encoding }).end(encode('{"ü":1}')),
      ),
    );
    const response = await createSendOnce(makeCall().call)(`http://${host}/`);
    expect([response.status, await response.json()]).toEqual([400, { ü: 1 }]);
  },
);

test.each<[string, string, () => Buffer]>([
  ['a bomb', 'gzip', () => gzipSync(Buffer.alloc(60 * 1024 * 1024))],
  ['a bomb in a bomb', 'gzip, gzip', () => gzipSync(gzipSync(Buffer.alloc(60 * 1024 * 1024)))],
  ['data that is not compressed', 'gzip', () => Buffer.from('{}')],
  ['truncated data', 'gzip', () => gzipSync('{"a":1}').subarray(0, -6)],
])('rejects a compressed response with %s', async (_name, encoding, make) => {
  const host = await listen(
    http.createServer((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(make())),
  );
  await expect(createSendOnce(makeCall().call)(`http://${host}/`)).rejects.toMatchObject({
    code: 'ai_bad_answer',
  });
});

test('ends the exchange on abort with its reason', async () => {
  const { host } = await listenSilently();
  const controller = new AbortController();
  const { call, left } = makeCall({ signal: controller.signal });
  const sending = createSendOnce(call)(`http://${host}/`);
  await left;
  controller.abort('why');
  await expect(sending).rejects.toBe('why');
  await expect(createSendOnce(call)(`http://${host}/`)).rejects.toBe('why');
});
