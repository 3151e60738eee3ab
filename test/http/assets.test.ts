import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { eq } from 'drizzle-orm';
import type { Pool, PoolClient } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { storeAsset } from '../../src/assets/store-asset.ts';
import { assets } from '../../src/db/schema/assets.ts';
import { createAssetCache } from '../../src/http/asset-cache.ts';
import { poll } from '../support/poll.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';

const LARGE = 1024 * 1024;

let db: TestDatabase;
let api: TestApi;
let workspaceId: string;
let countBytes: () => number;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api } = opened);
  ({ workspaceId } = opened.one);
  countBytes = watchPool(db.orm.$client as Pool);
  return opened.close;
});

/** Counts the bytes that the database sends over all connections of a pool. */
function watchPool(pool: Pool): () => number {
  const sockets = new Set<Socket>();
  pool.on('acquire', (client: PoolClient) => {
    const { connection } = client as unknown as { connection: { stream: Socket } };
    sockets.add(connection.stream);
  });
  return () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
}

async function add(bytes: Buffer): Promise<string> {
  const image = { bytes, contentType: 'image/jpeg', width: 10, height: 10 };
  const { key } = await db.transact((tx) => storeAsset(tx, workspaceId, image));
  return key;
}

/** Sends a request. Returns the answer and the number of bytes that the database sent for it. */
async function ask(method: 'GET' | 'HEAD', key: string, headers: Record<string, string> = {}) {
  const before = countBytes();
  const answer = await api.app.inject({ method, url: `/assets/${key}`, headers });
  return { answer, fromDatabase: countBytes() - before };
}

test('HEAD returns the headers of GET without reading the image', async () => {
  const key = await add(randomBytes(LARGE));
  await ask('HEAD', key);
  const head = await ask('HEAD', key);
  expect(head.answer.statusCode).toBe(200);
  expect(head.answer.rawPayload).toHaveLength(0);
  expect(head.fromDatabase).toBeLessThan(10_000);
  const whole = await ask('GET', key);
  expect(whole.answer.rawPayload).toHaveLength(LARGE);
  expect(whole.fromDatabase).toBeGreaterThan(LARGE);
  const { date: _, connection: __, 'x-request-id': ___, ...headers } = whole.answer.headers;
  expect(headers).toMatchObject({ 'content-length': String(LARGE), etag: `"${key}"` });
  expect(head.answer.headers).toMatchObject(headers);
});

test('returns 304 to a client that has the image, without reading it', async () => {
  const key = await add(randomBytes(LARGE));
  const known = await ask('GET', key, { 'if-none-match': `"other", W/"${key}"` });
  expect(known.answer.statusCode).toBe(304);
  expect(known.answer.rawPayload).toHaveLength(0);
  expect(known.answer.headers).toMatchObject({ etag: `"${key}"` });
  expect(known.fromDatabase).toBeLessThan(10_000);
  expect((await ask('GET', key, { 'if-none-match': '"other"' })).answer.statusCode).toBe(200);
});

test('repeated and concurrent requests do not query the database', async () => {
  const bytes = randomBytes(LARGE);
  const key = await add(bytes);
  const before = countBytes();
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask('GET', key)));
  for (const { answer } of answers) expect(answer.rawPayload.equals(bytes)).toBe(true);
  expect(countBytes() - before).toBeLessThan(LARGE * 2.5);
  expect((await ask('GET', key)).fromDatabase).toBe(0);
});

test('a deleted image is gone at once for HEAD, and soon for GET', async () => {
  const key = await add(randomBytes(100));
  const cache = createAssetCache(db, { ttlMs: 50 });
  expect(await cache.find(key)).toMatchObject({ contentType: 'image/jpeg' });
  expect((await ask('HEAD', key)).answer.statusCode).toBe(200);
  await db.orm.delete(assets).where(eq(assets.key, key));
  expect((await ask('HEAD', key)).answer.statusCode).toBe(404);
  expect((await ask('GET', key, { 'if-none-match': `"${key}"` })).answer.statusCode).toBe(404);
  expect(
    await poll(
      () => cache.find(key),
      (found) => found === undefined,
    ),
  ).toBeUndefined();
});

test.each(['x'.repeat(32), 'short', `${'x'.repeat(31)}%27`])('returns nothing at %s', async (key) => {
  for (const method of ['GET', 'HEAD'] as const) {
    for (const headers of [{}, { 'if-none-match': `"${key}"` }, { 'if-none-match': '*' }]) {
      expect((await ask(method, key, headers)).answer.statusCode).toBe(404);
    }
  }
});
