import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createId } from '../../src/lib/ids.ts';
import { type MeteredRequest, noMeter } from '../../src/lib/meter.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let token: string;
let workspaceId: string;
const counted: MeteredRequest[] = [];
beforeAll(async () => {
  db = await openTestDatabase();
  const meter = { ...noMeter, countRequest: (request: MeteredRequest) => void counted.push(request) };
  api = await startTestApi(db, { meter });
  ({ token, workspaceId } = await db.addWorkspace('one'));
});
afterAll(async () => {
  await api.close();
  await db.drop();
});
beforeEach(() => {
  counted.length = 0;
});

/** Waits for the given number of counted requests, and returns their routes. */
async function routesOf(requests: number): Promise<string[]> {
  await poll(
    async () => counted.length,
    (length) => length >= requests,
  );
  return counted.map(({ method, route, status }) => `${method} ${route} ${status}`);
}

test('counts requests by route template, without ids', async () => {
  const get = (path: string) => api.rest(token, 'GET', path);
  await get(`/batch/${createId()}/`);
  await get('/batch/?page_size=3');
  await get('//assets/not-a-key');
  await get('//cta/not-a-key');
  await get(`//nowhere/${createId()}?token=secret`);
  await get('//livez');
  await get('//readyz');
  await api.client(token).batch.list.query({});
  await get(`//trpc/batch.get,previews.get?batch=1`);
  await get(`//trpc/${createId()}`);
  expect(await routesOf(8)).toEqual([
    'GET /api/llm-editor/cta/batch/:id/ 404',
    'GET /api/llm-editor/cta/batch/ 200',
    'GET /assets/:key 404',
    'GET /cta/:key 404',
    'GET unmatched 404',
    'GET /trpc/batch.list 200',
    expect.stringMatching(/^GET \/trpc\/:path 4\d\d$/),
    'GET /trpc/:path 404',
  ]);
});

test('does not count a stream as a slow request, and counts watchers while they are connected', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const leave = new AbortController();
  const { body } = await fetch(`${api.address}/api/llm-editor/cta/batch/${batch.id}/events/`, {
    headers: { authorization: `Bearer ${token}` },
    signal: leave.signal,
  });
  await body?.getReader().read();
  expect(api.batchWatch.countWatchers()).toBe(1);
  leave.abort();
  await poll(
    async () => api.batchWatch.countWatchers(),
    (watchers) => watchers === 0,
  );
  // The end of the stream was recorded before the end of this request.
  await api.rest(token, 'GET', '/limits/');
  expect(await routesOf(1)).toEqual(['GET /api/llm-editor/cta/limits/ 200']);
});

test('counts the duration of requests, and clients that disconnected before the response', async () => {
  const held = Promise.withResolvers<void>();
  const isWaiting = async () =>
    (
      await db.orm.execute(
        sql`select 1 from pg_locks where not granted and relation = 'cta.batches'::regclass
      and database = (select oid from pg_database where datname = current_database())`,
      )
    ).rows.length;
  const holder = db.transact(async (tx) => {
    await tx.execute(sql`lock table cta.batches in access exclusive mode`);
    await held.promise;
  });
  const began = performance.now();
  const get = (signal?: AbortSignal) =>
    fetch(`${api.address}${ROOT}/batch/?page_size=7`, {
      headers: { authorization: `Bearer ${token}` },
      ...(signal ? { signal } : {}),
    });
  const gone = new AbortController();
  const [answered, left] = [get(), get(gone.signal)];
  await poll(isWaiting, (waiting) => waiting === 2);
  gone.abort();
  await expect(left).rejects.toThrow();
  expect(await routesOf(1)).toEqual([`GET ${ROOT}/batch/ 499`]);
  const heldMs = performance.now() - began;
  held.resolve();
  await holder;
  expect((await answered).status).toBe(200);
  await routesOf(2);
  expect(counted[1]?.status).toBe(200);
  // Most of the time during which the table was locked; the way to the program took the rest.
  expect(counted[1]?.seconds).toBeGreaterThan(heldMs / 2000);
});
