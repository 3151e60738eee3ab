import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { startWorld } from '../support/start-world.ts';

/** Memory of a process that is really in use, in MB. */
async function measureRss(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1]) / 1024;
}

test.skipIf(process.platform !== 'linux')(
  'sixty who take nothing of the largest file share one copy of it',
  async ({ onTestFinished }) => {
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
    // One copy for each would be 290 MB.
    expect(grown).toBeLessThan(80);
  },
);
