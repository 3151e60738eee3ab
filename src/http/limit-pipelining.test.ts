import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { createMemoryLog, quietLog } from '../../test/support/quiet-log.ts';
import { endStalledResponses, type StallOptions } from './end-stalled-responses.ts';
import { limitPipelining, MAX_UNANSWERED } from './limit-pipelining.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

async function startServer(
  answer: RequestListener,
  { stalls = {}, log = quietLog }: { stalls?: StallOptions; log?: typeof quietLog } = {},
) {
  const server = createServer(answer);
  const countQueuedBytes = limitPipelining(server, log);
  endStalledResponses(server, log, { ...stalls, countQueuedBytes });
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });

  async function send(text: string): Promise<Socket> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }
  return { sockets, countQueuedBytes, send };
}

test('closes a connection with too many unanswered requests, and does not handle the rest of its chunk', async () => {
  let handled = 0;
  const log = createMemoryLog();
  const server = await startServer(
    () => {
      handled += 1;
    },
    { log },
  );
  const socket = await server.send(REQUEST.repeat(2000));
  await once(socket.resume(), 'close');
  expect(handled).toBe(MAX_UNANSWERED);
  expect(log.lines).toHaveLength(1);
});

test('answers the allowed number of requests in order, repeatedly', async () => {
  let handled = 0;
  const server = await startServer((_request, response) => {
    handled += 1;
    const number = handled;
    // The later answers are ready first.
    setTimeout(() => response.end(`<${number}>`), 5 * (MAX_UNANSWERED - (number % MAX_UNANSWERED)));
  });
  const socket = await server.send('');
  let received = '';
  socket.on('data', (chunk) => (received += chunk));
  const numbers = () => [...received.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number));
  for (let round = 1; round <= 5; round += 1) {
    socket.write(REQUEST.repeat(MAX_UNANSWERED));
    await poll(
      async () => numbers().length,
      (count) => count === round * MAX_UNANSWERED,
    );
  }
  expect(numbers()).toEqual(Array.from({ length: 5 * MAX_UNANSWERED }, (_, i) => i + 1));
});

test('counts responses that wait for an earlier one, and ends the connection if there are too many', async () => {
  const answer = Buffer.alloc(1_000_000, 'x');
  let handled = 0;
  const server = await startServer(
    (_request, response) => {
      handled += 1;
      if (handled % 5 !== 1) response.end(answer);
    },
    // So that only the limit on waiting bytes can close a connection.
    { stalls: { stalledMs: 60_000, maxWaitingBytes: 6_000_000 } },
  );
  const first = await server.send(REQUEST.repeat(5));
  await poll(
    async () => server.sockets.map(server.countQueuedBytes),
    ([bytes = 0]) => bytes >= 4_000_000,
  );
  const second = await server.send(REQUEST.repeat(5));
  const closed = await Promise.race([once(first.resume(), 'close'), once(second.resume(), 'close')]);
  expect(closed).toBeDefined();
  await poll(
    async () => server.sockets.filter((socket) => !socket.destroyed).length,
    (open) => open === 1,
  );
});
