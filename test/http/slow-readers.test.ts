import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AppOptions } from '../../src/http/app.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

let db: TestDatabase;
let one: TestWorkspace;
let two: TestWorkspace;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, one, two } = opened);
  return opened.close;
});

async function openApi(options: Partial<AppOptions>): Promise<TestApi> {
  const api = await startTestApi(db, options);
  onTestFinished(() => api.close());
  return api;
}

/** Opens a connection, sends a request, and reads nothing. */
async function open(api: TestApi, request: string): Promise<Socket> {
  const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(request);
  return socket;
}

const countOpen = (api: TestApi) =>
  new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));

test('closes all of sixty clients that request the largest file and read nothing', async () => {
  const api = await openApi({ stalls: { stalledMs: 1000 } });
  const request = 'GET /docs/js/scalar.js HTTP/1.1\r\nHost: x\r\n\r\n';
  const sockets = await Promise.all(Array.from({ length: 60 }, () => open(api, request)));
  await poll(
    async () => sockets.filter((socket) => socket.bytesRead > 0).length,
    (begun) => begun === 60,
  );
  expect(
    await poll(
      () => countOpen(api),
      (count) => count === 0,
    ),
  ).toBe(0);
});

test('does not close a request that waits for the service, or an idle stream', async () => {
  const api = await openApi({ stalls: { stalledMs: 100 } });
  const { id } = await addQueuedBatch(db, one.workspaceId, [1]);
  const headers = { authorization: `Bearer ${one.token}` };
  const stream = await fetch(`${api.address}${ROOT}/batch/${id}/events/`, { headers });
  const reader = (stream.body ?? expect.unreachable()).getReader();
  await reader.read();
  const released = Promise.withResolvers<void>();
  const holder = db.transact(async (tx) => {
    await tx.execute(sql`lock table cta.products in access exclusive mode`);
    await released.promise;
  });
  const began = performance.now();
  const waiting = fetch(`${api.address}${ROOT}/products/018f0000-0000-7000-8000-000000000000/`, { headers });
  await poll(
    async () => performance.now() - began,
    (ms) => ms > 1500,
  );
  released.resolve();
  await holder;
  expect((await waiting).status).toBe(404);
  await finish(db, await claim(db, await addWorker(db)));
  let said = '';
  for (let part = await reader.read(); !part.done && !said.includes('"done"'); part = await reader.read())
    said += Buffer.from(part.value).toString();
  await reader.cancel();
  expect(said).toContain('"status":"done"');
});

test('closes connections above the maximum as they open', async () => {
  const api = await openApi({ maxConnections: 5 });
  const sockets = await Promise.all(Array.from({ length: 8 }, () => open(api, '')));
  let closed = 0;
  for (const socket of sockets) socket.resume().once('close', () => (closed += 1));
  await poll(
    async () => closed,
    (count) => count === 3,
  );
  expect(await countOpen(api)).toBe(5);
});

test('allows twice as many connections as streams, and at least 10,000', async () => {
  const limitOf = async (options: Partial<AppOptions>) => (await openApi(options)).app.server.maxConnections;
  expect(await limitOf({})).toBe(10_000);
  expect(await limitOf({ streamLimits: { perWorkspace: 10, inAll: 100 } })).toBe(10_000);
  expect(await limitOf({ streamLimits: { perWorkspace: 10, inAll: 100_000 } })).toBe(200_000);
});

describe('pipelined requests', () => {
  const trpcInput = encodeURIComponent(JSON.stringify({ json: { pageSize: 100 } }));
  const makeRequest = (path: string, id: string) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nAuthorization: Bearer ${one.token}\r\n\r\n`;

  test.each([
    ['REST', `${ROOT}/previews/?page_size=100`],
    ['tRPC', `/trpc/previews.list?input=${trpcInput}`],
    ['a file', '/docs/js/scalar.js'],
  ])('answers five in order, and does not serve two thousand (%s)', async (_name, path) => {
    const api = await openApi({});
    const five = await open(api, [1, 2, 3, 4, 5].map((n) => makeRequest(path, `pipelined-${n}`)).join(''));
    let received = '';
    five.on('data', (chunk) => (received += chunk));
    const find = (pattern: RegExp) => [...received.matchAll(pattern)].map(([, found]) => found);
    await poll(
      async () => find(/^x-request-id: (.*)\r$/gim).length,
      (count) => count === 5,
    );
    expect(find(/^x-request-id: (.*)\r$/gim)).toEqual([1, 2, 3, 4, 5].map((n) => `pipelined-${n}`));
    expect(find(/HTTP\/1\.1 (\d+)/gm)).toEqual(Array(5).fill('200'));

    let handled = 0;
    api.app.server.on('request', (_request, response) => {
      if (!response.req.socket.destroyed) handled += 1;
    });
    const many = await open(api, makeRequest(path, 'many').repeat(2000));
    many.resume();
    await poll(
      async () => many.closed,
      (closed) => closed,
    );
    expect(handled).toBeLessThan(100);
    expect((await api.rest(one.token, 'GET', '/limits/')).status).toBe(200);
  });

  test('does not limit sequential requests on one connection', async () => {
    const api = await openApi({});
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const ports = new Set<number | undefined>();
    const headers = { authorization: `Bearer ${one.token}` };
    for (let i = 0; i < 50; i += 1) {
      const request = get(`${api.address}${ROOT}/limits/`, { agent, headers });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      ports.add(response.socket.localPort);
      expect(response.statusCode).toBe(200);
      await once(response.resume(), 'end');
    }
    expect(ports.size).toBe(1);
  });
});

describe('open event streams', () => {
  const input = (id: string) => encodeURIComponent(JSON.stringify({ json: { id } }));
  const paths = (id: string) => [`${ROOT}/batch/${id}/events/`, `/trpc/batch.watch?input=${input(id)}`];

  async function watch(api: TestApi, { token }: TestWorkspace, path: string) {
    const left = new AbortController();
    onTestFinished(() => left.abort());
    const response = await fetch(api.address + path, {
      headers: { authorization: `Bearer ${token}` },
      signal: left.signal,
    });
    return { response, leave: () => left.abort() };
  }

  test('are limited for a workspace over both APIs together, without effect on others', async () => {
    const api = await openApi({ streamLimits: { perWorkspace: 2, inAll: 100 } });
    const { id } = await addQueuedBatch(db, one.workspaceId, [1]);
    const { id: others } = await addQueuedBatch(db, two.workspaceId, [1]);
    const [rest = '', trpc = ''] = paths(id);
    const [first, second] = [await watch(api, one, rest), await watch(api, one, trpc)];
    expect([first.response.status, second.response.status]).toEqual([200, 200]);

    const { response: overRest } = await watch(api, one, rest);
    expect(overRest.status).toBe(429);
    expect(overRest.headers.get('retry-after')).toBe('10');
    expect(await overRest.json()).toMatchObject({ status: 429, code: 'too_many_streams' });
    const { response: overTrpc } = await watch(api, one, trpc);
    expect([overTrpc.status, overTrpc.headers.get('retry-after')]).toEqual([429, '10']);
    expect(await overTrpc.json()).toMatchObject({
      error: { json: { data: { code: 'too_many_streams', httpStatus: 429 } } },
    });
    expect((await watch(api, two, paths(others)[0] ?? '')).response.status).toBe(200);
    // HEAD and requests that are not streams are not counted.
    expect((await api.rest(one.token, 'GET', '/limits/')).status).toBe(200);

    first.leave();
    await poll(
      async () => (await watch(api, one, rest)).response.status,
      (status) => status === 200,
    );
  });

  test('are limited for all workspaces together', async () => {
    const api = await openApi({ streamLimits: { perWorkspace: 2, inAll: 2 } });
    const { id } = await addQueuedBatch(db, one.workspaceId, [1]);
    const { id: others } = await addQueuedBatch(db, two.workspaceId, [1]);
    for (const path of paths(id)) expect((await watch(api, one, path)).response.status).toBe(200);
    for (const path of paths(others)) {
      const { response } = await watch(api, two, path);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
      expect(await response.text()).toContain('"code":"overloaded"');
    }
  });
});
