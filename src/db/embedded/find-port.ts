import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

/** Returns a free port: that of the last start if possible, so that a saved address stays valid. */
export async function findPort(dataDirectory: string): Promise<number> {
  const lastStart = await readFile(join(dataDirectory, 'postmaster.opts'), 'utf8').catch(() => '');
  const lastPort = Number(/"-p" "(\d+)"/.exec(lastStart)?.[1] ?? 0);
  return await listenOnce(lastPort).catch(() => listenOnce(0));
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: got } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return got;
}
