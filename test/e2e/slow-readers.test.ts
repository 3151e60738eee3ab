import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { startWorld } from '../support/start-world.ts';

/** Returns the resident memory of a process, in MB. */
async function measureRss(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1]) / 1024;
}

test.skipIf(process.platform !== 'linux')(
  'sixty clients that read nothing of the largest file share one copy of it',
  async () => {
    const world = await startWorld();
    onTestFinished(() => world.end());
    const api = await world.start('api');
    const path = '/docs/js/scalar.js';
    const whole = await fetch(api.address + path, { headers: { 'accept-encoding': 'identity' } });
    expect((await whole.arrayBuffer()).byteLength).toBeGreaterThan(4_000_000);
    const before = await measureRss(api.pid);

    const sockets: Socket[] = [];
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let i = 0; i < 60; i += 1) {
      const socket = connect(Number(new URL(api.address).port), '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    }
    await poll(
      async () => sockets.filter((socket) => socket.bytesRead > 0).length,
      (begun) => begun === 60,
    );
    const grown = (await measureRss(api.pid)) - before;
    // One copy for each connection would take 290 MB.
    expect(grown).toBeLessThan(80);
  },
);

const trpcInput = encodeURIComponent(JSON.stringify({ json: { pageSize: 100 } }));

test.skipIf(process.platform !== 'linux').each([
  ['REST', '/api/llm-editor/cta/previews/?page_size=100'],
  ['tRPC', `/trpc/previews.list?input=${trpcInput}`],
  ['a file', '/docs/js/scalar.js'],
])(
  'two thousand requests of a client that reads nothing use no memory, and others are answered (%s)',
  async (_name, path) => {
    const world = await startWorld();
    onTestFinished(() => world.end());
    const { token, workspaceId } = await world.db.addWorkspace('pipelining');
    for (let i = 0; i < 4; i += 1) await addQueuedBatch(world.db, workspaceId, [10, 10, 10]);
    const api = await world.start('api');
    const headers = { authorization: `Bearer ${token}` };
    const readList = async () => {
      const response = await fetch(api.address + path, { headers });
      return { status: response.status, bytes: (await response.arrayBuffer()).byteLength };
    };
    for (let i = 0; i < 10; i += 1) expect((await readList()).bytes).toBeGreaterThan(30_000);
    const before = await measureRss(api.pid);

    const socket = connect(Number(new URL(api.address).port), '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`.repeat(2000));
    let most = 0;
    for (let i = 0; i < 30; i += 1) {
      expect((await readList()).status).toBe(200);
      most = Math.max(most, await measureRss(api.pid));
    }
    expect(most - before).toBeLessThan(100);
    socket.resume();
    await poll(
      async () => socket.closed,
      (closed) => closed,
    );
  },
);
