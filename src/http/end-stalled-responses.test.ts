import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { createMemoryLog, quietLog } from '../../test/support/quiet-log.ts';
import { endStalledResponses, type StallOptions } from './end-stalled-responses.ts';
import { type ServerSentEvent, sendEvents } from './event-stream.ts';

/* More than the operating system buffers for a client that reads nothing. */
const LARGE = Buffer.alloc(24 * 1024 * 1024, 'x');

async function startServer(answer: RequestListener, options: StallOptions, log = quietLog): Promise<Server> {
  const server = createServer(answer);
  endStalledResponses(server, log, options);
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

/** Sends a request. Nothing of the answer is read until the test does so. */
async function ask(server: Server): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  return socket;
}

const countOpen = (server: Server) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));

test('closes a client that reads nothing, even if it keeps sending', async () => {
  const log = createMemoryLog();
  const server = await startServer((_request, response) => response.end(LARGE), { stalledMs: 500 }, log);
  const [, sending] = [await ask(server), await ask(server)];
  // Another request, byte by byte.
  sending.write('GET /');
  const trickle = setInterval(() => sending.write('a'), 50);
  onTestFinished(() => clearInterval(trickle));
  await poll(
    () => countOpen(server),
    (open) => open === 0,
  );
  expect(log.lines).toHaveLength(2);
});

test('sends everything to a client that reads slowly', async () => {
  const server = await startServer((_request, response) => response.end(LARGE), { stalledMs: 1000 });
  const socket = await ask(server);
  const began = performance.now();
  let bytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= LARGE.length) break;
    // 64 KB each: reading everything takes about three times `stalledMs`.
    await sleep(8);
  }
  expect(bytes).toBeGreaterThanOrEqual(LARGE.length);
  expect(performance.now() - began).toBeGreaterThan(2000);
});

test('does not close a client that waits for its response', async () => {
  const answered = Promise.withResolvers<void>();
  const server = await startServer(
    (_request, response) => void answered.promise.then(() => response.end('x')),
    { stalledMs: 100 },
  );
  const socket = await ask(server);
  // Ten times `stalledMs`.
  await sleep(1000);
  answered.resolve();
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  expect(chunk.toString()).toMatch(/^HTTP\/1\.1 200 OK/);
});

test('limits the total of unread responses, and ends the largest first', async () => {
  const server = await startServer((_request, response) => response.end(LARGE), {
    stalledMs: 60_000,
    maxWaitingBytes: 3.5 * LARGE.length,
  });
  for (let i = 0; i < 6; i += 1) await ask(server);
  await poll(
    () => countOpen(server),
    (open) => open <= 3,
  );
  expect(await countOpen(server)).toBe(3);
});

test('ends a stream whose client reads nothing, and buffers nothing for it', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  endStalledResponses(app.server, quietLog, { stalledMs: 500 });
  const ended = Promise.withResolvers<void>();
  let made = 0;
  async function* makeEvents(): AsyncGenerator<ServerSentEvent> {
    try {
      for (;;) {
        made += 1;
        yield { id: String(made), name: 'batch', data: 'x'.repeat(64 * 1024) };
      }
    } finally {
      ended.resolve();
    }
  }
  app.get('/', (_request, reply) => sendEvents(reply, makeEvents()));
  await app.listen({ host: '127.0.0.1', port: 0 });
  await ask(app.server);
  await ended.promise;
  // As many as the operating system buffers; the generator could have made thousands.
  expect(made).toBeLessThan(300);
});
