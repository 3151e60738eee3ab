import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { isUnavailable } from '../../src/lib/database-error.ts';

const POOL = 2;

let proxy: Server;
/** A connection is cut when one of these words passes through it. */
let cutAt: string | undefined;
let database: Database;
const sockets = new Set<Socket>();

beforeEach(async () => {
  const url = new URL(inject('serverUrl'));
  const port = Number(url.port);
  proxy = createServer((client) => {
    const server = connect(port, url.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.on('data', (bytes) => {
        if (from === client && cutAt !== undefined && bytes.includes(cutAt)) from.destroy();
        else to.write(bytes);
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  url.port = String((proxy.address() as AddressInfo).port);
  database = openDatabase({ url: url.href, poolSize: POOL, applicationName: 'test' });
});
afterEach(async () => {
  cutAt = undefined;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => proxy.close(resolve));
});

test.each(['begin', 'select 1', 'commit'])('releases a connection that is lost at its %s', async (word) => {
  const transact = () => database.transact((tx) => tx.execute(sql`select 1 as one`));
  cutAt = word;
  for (let n = 0; n <= POOL; n += 1) {
    const error = await transact().catch((lost: unknown) => lost);
    expect(isUnavailable(error), String(error)).toBe(true);
  }
  cutAt = undefined;
  expect((await transact()).rows).toEqual([{ one: 1 }]);
  // This waits for all borrowed connections.
  await database.close();
});
