import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { renderCup } from './hostile-cup.ts';

/** One way to answer. It may write to the socket itself to break HTTP. */
export type Trick = (request: IncomingMessage, response: ServerResponse) => void;

const HTML = { 'content-type': 'text/html' };
const BOMB_BYTES = 64 * 1024 * 1024;
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n';

/** So long that a cut in the middle leaves much of it, even when compressed. */
const longCup = () =>
  renderCup({ body: Array.from({ length: 5000 }, (_, i) => `<p>${(i * 7919) % 10_007}</p>`).join('') });

/** Writes raw bytes instead of HTTP, and then ends the connection. */
const raw =
  (...parts: readonly (string | Buffer)[]): Trick =>
  ({ socket }) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

/** Does the same, but leaves the connection open. */
const rawOpen =
  (bytes: string): Trick =>
  ({ socket }) =>
    void socket.write(bytes);

/** Writes without end, as fast as the client reads. */
function flood(out: ServerResponse | Socket, piece: Buffer): void {
  const pour = () => {
    while (!out.destroyed && out.write(piece));
  };
  out.on('drain', pour);
  pour();
}

/** Writes a little at regular intervals. */
function drip(socket: Socket, piece: string, everyMs = 50): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.on('close', () => clearInterval(timer));
}

const encoded =
  (encoding: string, make: () => Buffer): Trick =>
  (_, response) =>
    response.writeHead(200, { ...HTML, 'content-encoding': encoding }).end(make());

/**
 * Sends neither a length nor chunks: only the end of the compressed stream shows that everything
 * has arrived.
 */
const encodedUntilClose =
  (encoding: string, make: () => Buffer): Trick =>
  ({ socket }) => {
    socket.write(`${OK}Content-Encoding: ${encoding}\r\nConnection: close\r\n\r\n`);
    socket.end(make());
  };

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
const brotli = (bytes: Buffer | string) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

/** Made once in advance, so that the shop stays fast for other clients. */
const zeros = Buffer.alloc(BOMB_BYTES);
const gzipBomb = gzipSync(zeros, { level: 1 });
const nestedBomb = gzipSync(gzipSync(zeros, { level: 9 }));
const deflateBomb = deflateSync(zeros, { level: 1 });
const brotliBomb = brotli(zeros);

const status =
  (code: number, headers: Record<string, string> = {}, body = 'sorry'): Trick =>
  (_, response) =>
    response.writeHead(code, { ...HTML, ...headers }).end(body);

/** Ways to break HTTP, or to use it against the client. */
export const hostileAnswers: Readonly<Record<string, Trick>> = {
  'status-401': status(401),
  'status-403': status(403),
  'status-404': status(404),
  'status-410': status(410),
  'status-429': status(429, { 'retry-after': '1' }),
  'status-500': status(500),
  'status-999': raw('HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n'),
  'status-300': status(300, { location: '/show' }),
  'captcha-503': status(503, {}, '<title>Captcha</title>'),
  'captcha-503-br': (_, response) =>
    response.writeHead(503, { ...HTML, 'content-encoding': 'br' }).end(brotli('<title>Captcha</title>')),
  'challenge-200': status(200, { 'cf-mitigated': 'challenge' }, renderCup()),
  'no-content': (_, response) => response.writeHead(204).end(),
  login: status(200, {}, '<h1>Sign in</h1><form><input type="password"></form>'),
  'loop-a': status(302, { location: 'loop-b' }),
  'loop-b': status(302, { location: 'loop-a' }),
  'long-chain': (request, response) => {
    const hops = Number(new URL(request.url ?? '', 'http://x').searchParams.get('hops') ?? 0);
    response.writeHead(307, { location: `?hops=${hops + 1}` }).end();
  },
  'long-redirect': status(302, { location: `/${'x'.repeat(3000)}` }),
  'refresh-header': status(200, { refresh: '0; url=http://10.0.0.1/' }, '<h1>Wait'),

  'gzip-bomb': encoded('gzip', () => gzipBomb),
  'deflate-bomb': encoded('deflate', () => deflateBomb),
  'brotli-bomb': encoded('br', () => brotliBomb),
  'nested-bomb': encoded('gzip, gzip', () => nestedBomb),
  'bomb-503': (_, response) => response.writeHead(503, { 'content-encoding': 'gzip' }).end(gzipBomb),
  'nested-twice': encoded('gzip, br', () => brotli(gzipSync(longCup()))),
  'nested-thrice': encoded('gzip, gzip, gzip', () => gzipSync(gzipSync(gzipSync(longCup())))),
  'nested-often': encoded(Array(3000).fill('gzip').join(','), () => gzipSync('x')),
  'not-gzip': encoded('gzip', () => Buffer.from(longCup())),
  'unknown-coding': encoded('utf-8', () => Buffer.from(longCup())),
  'endless-gzip': (_, response) => {
    response.writeHead(200, { ...HTML, 'content-encoding': 'gzip' });
    // Empty gzip members in sequence: many bytes that unpack to nothing.
    flood(response, Buffer.concat(Array(2000).fill(gzipSync(''))));
  },

  'endless-plain': ({ socket }) => {
    socket.write(`${OK}Connection: close\r\n\r\n`);
    flood(socket, Buffer.alloc(65_536, '<p>more '));
  },
  'endless-chunks': (_, response) => {
    response.writeHead(200, HTML);
    flood(response, Buffer.alloc(65_536, '<p>more '));
  },
  'endless-untyped': (_, response) => flood(response, Buffer.alloc(65_536, ' ')),
  'endless-head': ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    flood(socket, Buffer.from(`x-more: ${'y'.repeat(1000)}\r\n`));
  },
  'endless-status': ({ socket }) => {
    socket.write('HTTP/1.1 200 ');
    flood(socket, Buffer.alloc(65_536, 'O'));
  },
  'endless-extension': ({ socket }) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n5;`);
    flood(socket, Buffer.alloc(65_536, 'x'));
  },
  'endless-trailers': ({ socket }) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`);
    flood(socket, Buffer.from(`x-more: ${'y'.repeat(1000)}\r\n`));
  },
  'endless-continue': ({ socket }) => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
  'huge-length': raw(`${OK}Content-Length: 50000000\r\n\r\n`, 'x'),

  'drip-head': ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    drip(socket, 'y');
  },
  'drip-body': ({ socket }) => {
    socket.write(`${OK}Connection: close\r\n\r\n`);
    drip(socket, '<p>');
  },
  silence: () => {},
  'silent-body': rawOpen(`${OK}Content-Length: 100\r\n\r\n<p>`),
  'never-closed': rawOpen(`${OK}\r\n${'<p>more'.repeat(100)}`),

  'cut-length': raw(`${OK}Content-Length: 100000\r\n\r\n`, longCup().slice(0, 50_000)),
  'cut-length-nothing': raw(`${OK}Content-Length: 100\r\n\r\n`),
  'cut-chunks': raw(`${OK}Transfer-Encoding: chunked\r\n\r\n1000\r\n`, longCup().slice(0, 0x800)),
  'cut-between-chunks': raw(
    `${OK}Transfer-Encoding: chunked\r\n\r\n800\r\n`,
    longCup().slice(0, 0x800),
    '\r\n',
  ),
  'half-gzip-framed': encoded('gzip', () => half(gzipSync(longCup()))),
  'cut-gzip-length': ({ socket }) => {
    const body = gzipSync(longCup());
    socket.write(`${OK}Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.end(half(body));
  },
  'cut-gzip': encodedUntilClose('gzip', () => half(gzipSync(longCup()))),
  'cut-gzip-trailer': encodedUntilClose('gzip', () => gzipSync(longCup()).subarray(0, -4)),
  'cut-deflate': encodedUntilClose('deflate', () => half(deflateSync(longCup()))),
  'cut-brotli': encodedUntilClose('br', () => half(brotli(longCup()))),
  'cut-nested': encodedUntilClose('gzip, br', () => half(brotli(gzipSync(longCup())))),
  'whole-gzip': encodedUntilClose('gzip', () => gzipSync(longCup())),
  'gzip-no-trailer-length': encoded('gzip', () => gzipSync(longCup()).subarray(0, -8)),
  'reset-behind-body': ({ socket }) => {
    socket.write(`${OK}Connection: close\r\n\r\n${longCup()}`, () => socket.resetAndDestroy());
  },
  'two-lengths': raw(`${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`),
  'length-and-chunks': raw(
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  'negative-length': raw(`${OK}Content-Length: -5\r\n\r\nhello`),
  'bad-chunk': raw(`${OK}Transfer-Encoding: chunked\r\n\r\nzzz\r\nhello\r\n0\r\n\r\n`),
  'huge-chunk': raw(`${OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello`),

  ssh: raw('SSH-2.0-OpenSSH_9.6\r\n'),
  'http-0.9': raw(renderCup()),
  binary: raw(Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 131) % 256))),
  'bad-version': raw('HTTP/9.9 200 OK\r\n\r\nhello'),
  'status-abc': raw('HTTP/1.1 abc OK\r\n\r\nhello'),
  'header-nul': raw(`${OK}x: a\0b\r\n\r\nhello`),
  'header-no-colon': raw(`${OK}nonsense\r\n\r\nhello`),
  'large-header': raw(`${OK}Set-Cookie: ${'x'.repeat(200_000)}\r\n\r\nhello`),
  'many-headers': ({ socket }) => {
    const headers = Array.from({ length: 3000 }, (_, i) => `x${i}: ${i % 10}\r\n`).join('');
    socket.end(`${OK}${headers}__proto__: 1\r\nconstructor: 2\r\nConnection: close\r\n\r\n${renderCup()}`);
  },
  'too-many-headers': ({ socket }) => {
    socket.end(`${OK}${'a: b\r\n'.repeat(50_000)}\r\n${renderCup()}`);
  },
  'close-at-once': ({ socket }) => socket.destroy(),
  'reset-at-once': ({ socket }) => socket.resetAndDestroy(),
  'two-answers': raw(`${OK}Content-Length: 2\r\n\r\nhi${OK}Content-Length: 5\r\n\r\nagain`),
  upgrade: raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),

  'endless-image': (_, response) => {
    response.writeHead(200, { 'content-type': 'image/jpeg' });
    response.write(Buffer.from('ffd8ffe000104a464946', 'hex'));
    flood(response, Buffer.alloc(65_536));
  },
  'image-bomb': (_, response) =>
    response.writeHead(200, { 'content-type': 'image/png', 'content-encoding': 'gzip' }).end(gzipBomb),
  'html-image': (_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(renderCup()),
};
