import { sql } from 'drizzle-orm';
import type { Pool } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { deleteOldKeys } from '../../src/idempotency/delete-old-keys.ts';
import { createId } from '../../src/lib/ids.ts';
import { makeGate } from '../support/make-gate.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { type Answer, openTestApi, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let one: TestWorkspace;
let other: TestWorkspace;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api, one, two: other } = opened);
  return opened.close;
});

const sources = (name: string) => ({ sources: [{ url: `https://shop.example/${name}`, batch_size: 2 }] });
const post = (path: string, key: string, body: unknown = {}, token = one.token) =>
  api.rest(token, 'POST', path, body, { 'idempotency-key': key });
const countBatches = async () => (await db.orm.select({ id: batches.id }).from(batches)).length;

/** Adds a finished preview. */
async function addDone(): Promise<string> {
  const batch = await addQueuedBatch(db, one.workspaceId, [1]);
  await finish(db, await claim(db, await addWorker(db)));
  const { body } = await api.rest(one.token, 'GET', `/previews/?bulk_task_id=${batch.id}`);
  return body.results[0].id;
}

describe('Idempotency-Key', () => {
  test('twenty equal concurrent requests create one batch, and all get its response', async () => {
    const before = await countBatches();
    const key = createId();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/batch/', key, sources('a'))));
    expect(await countBatches()).toBe(before + 1);
    for (const answer of answers) {
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual(answers[0]?.body);
      expect(answer.headers.location).toBe(answers[0]?.headers.location);
    }
  });

  test('returns the first response again, whatever happened to the batch, over both APIs', async () => {
    const key = createId();
    const first = await post('/batch/', key, sources('b'));
    await api.rest(one.token, 'POST', `/batch/${first.body.id}/cancel/`);
    expect((await post('/batch/', `"${key}"`, sources('b'))).body).toEqual(first.body);
    const input = { sources: [{ url: 'https://shop.example/b', batchSize: 2 }], idempotencyKey: key };
    expect(await api.client(one.token).batch.create.mutate(input)).toMatchObject({
      id: first.body.id,
      status: 'pending',
      createdAt: new Date(first.body.created_at),
    });
  });

  test('is refused with another body or for another operation, and nothing is done', async () => {
    const key = createId();
    const { body: batch } = await post('/batch/', key, sources('c'));
    const before = await countBatches();
    for (const [path, body] of [
      ['/batch/', sources('d')],
      [`/batch/${batch.id}/cancel/`, {}],
    ] as const) {
      expect(await post(path, key, body)).toMatchObject({
        status: 422,
        body: { code: 'idempotency_mismatch' },
      });
    }
    expect(await countBatches()).toBe(before);
    expect((await api.rest(one.token, 'GET', `/batch/${batch.id}/`)).body.status).toBe('pending');
  });

  /**
   * Expects that other requests to an API are answered while `waiting` requests wait, none of which
   * has been answered by then, and that at most `connections` connections are in use.
   */
  async function expectFree(secondApi: TestApi, pool: Pool, waiting: Promise<Answer>[], connections: number) {
    let answered = 0;
    for (const one of waiting) void one.then(() => (answered += 1));
    for (let i = 0; i < 5; i += 1)
      expect((await secondApi.rest(one.token, 'GET', '/batch/')).status).toBe(200);
    expect([answered, pool.waitingCount]).toEqual([0, 0]);
    expect(pool.totalCount - pool.idleCount).toBeLessThanOrEqual(connections);
  }

  /** Starts a request that waits at a gate, and returns it with a function that repeats it. */
  async function startFirst(name: string) {
    const gate = await makeGate(db.url, {
      table: 'cta.batches',
      on: 'insert',
      when: `new.name = '${name}'`,
    });
    const key = createId();
    const body = { name, ...sources(name) };
    const first = post('/batch/', key, body);
    await gate.reached();
    const again = (count: number, secondApi = api) =>
      Array.from({ length: count }, () =>
        secondApi.rest(one.token, 'POST', '/batch/', body, { 'idempotency-key': key }),
      );
    return { gate, key, first, again };
  }

  /** Starts the API of another process on the same database. */
  async function openSecondApi() {
    const { orm, transact, close } = openDatabase({ url: db.url, poolSize: 3, applicationName: 'second' });
    const secondApi = await startTestApi({ ...db, orm, deps: { ...db.deps, orm, transact } });
    return { secondApi: secondApi, pool: orm.$client as Pool, close: () => secondApi.close().then(close) };
  }

  test('forty requests that wait for the first one delay no others, and get its response', async () => {
    const { gate, key, first, again } = await startFirst('slow');
    const before = await countBatches();
    const waiting = again(40);
    const other = post('/batch/', key, sources('another'));
    // One connection: that of the first request.
    await expectFree(api, db.orm.$client as Pool, [...waiting, other], 1);
    await gate.open();
    const { status, body } = await first;
    expect(status).toBe(201);
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status, body });
    expect(await other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect(await countBatches()).toBe(before + 1);
  });

  test('works the same if the first request runs in another process', async () => {
    const { gate, first, again } = await startFirst('elsewhere');
    const second = await openSecondApi();
    try {
      const waiting = again(20, second.secondApi);
      // One connection may be polling.
      await expectFree(second.secondApi, second.pool, waiting, 1);
      await gate.open();
      const { status, body } = await first;
      for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status, body });
    } finally {
      await second.close();
    }
  });

  test('reports that the first request is in progress, in its process and in another one', async () => {
    const { gate, first, again } = await startFirst('long');
    const second = await openSecondApi();
    try {
      for (const answer of await Promise.all([...again(2), ...again(2, second.secondApi)]))
        expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
      await gate.open();
      expect((await first).status).toBe(201);
    } finally {
      await second.close();
    }
  });

  test('if the first request fails, one of the waiting requests runs', async () => {
    const { gate, first, again } = await startFirst('failing');
    const waiting = again(5);
    await gate.forget();
    await gate.open();
    expect((await first).status).toBe(503);
    const [answer] = await Promise.all(waiting);
    for (const one of await Promise.all(waiting))
      expect(one).toMatchObject({ status: 201, body: answer?.body });
  });

  test('allows a failed request to be sent again with its key', async () => {
    const key = createId();
    const { body: batch } = await post('/batch/', createId(), sources('f'));
    const retry = () => post(`/batch/${batch.id}/retry/`, key);
    expect(await retry()).toMatchObject({ status: 409, body: { code: 'nothing_to_retry' } });
    await api.rest(one.token, 'POST', `/batch/${batch.id}/cancel/`);
    expect(await retry()).toMatchObject({ status: 200, body: { status: 'pending' } });
    // This repeats the first answer. Without the key there would be nothing to retry.
    expect(await retry()).toMatchObject({ status: 200, body: { status: 'pending' } });
  });

  test('belongs to a workspace', async () => {
    const key = createId();
    const [mine, theirs] = [
      await post('/batch/', key, sources('g')),
      await post('/batch/', key, sources('h'), other.token),
    ];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.body.id).not.toBe(theirs.body.id);
  });

  test('names an invalid key', async () => {
    expect(await post('/batch/', 'x'.repeat(256), sources('i'))).toMatchObject({
      status: 400,
      body: { code: 'validation', errors: [{ path: 'Idempotency-Key' }] },
    });
    // In REST it is a header, not a field.
    const body = { ...sources('i'), idempotency_key: 'x' };
    expect(await api.rest(one.token, 'POST', '/batch/', body)).toMatchObject({
      body: { errors: [{ path: 'idempotency_key' }] },
    });
  });

  test('is kept for a day', async () => {
    const key = createId();
    await post('/batch/', key, sources('j'));
    expect(await deleteOldKeys(db)).toBe(0);
    await db.orm.execute(sql`
      update cta.idempotency_keys set created_at = created_at - interval '24 hours' where key = ${key}`);
    expect(await deleteOldKeys(db)).toBe(1);
  });
});

describe('ETag', () => {
  test('returns 304 for unchanged data', async () => {
    const id = await addDone();
    const { body } = await api.rest(one.token, 'GET', `/previews/${id}/`);
    for (const path of [
      `/previews/${id}/`,
      `/batch/${body.bulk_task_id}/`,
      '/batch/',
      `/previews/?status=done`,
    ]) {
      const etag = String((await api.rest(one.token, 'GET', path)).headers.etag);
      expect(etag).toMatch(/^"[\w-]+"$/);
      for (const header of [etag, `"x", W/${etag}`, '*']) {
        const again = await api.rest(one.token, 'GET', path, undefined, { 'if-none-match': header });
        expect(again).toMatchObject({ status: 304, headers: { etag } });
        expect(again.body).toHaveLength(0);
      }
      const changed = await api.rest(one.token, 'GET', path, undefined, { 'if-none-match': '"x"' });
      expect(changed.status).toBe(200);
    }
  });

  test('applies a change only to the version that was read', async () => {
    const id = await addDone();
    const patch = (headline: string, ifMatch: string) =>
      api.rest(one.token, 'PATCH', `/previews/${id}/`, { prefill: { headline } }, { 'if-match': ifMatch });
    const read = await api.rest(one.token, 'GET', `/previews/${id}/`);
    const etag = String(read.headers.etag);
    const first = await patch('Mine', etag);
    expect(first).toMatchObject({ status: 200, body: { version: read.body.version + 1 } });
    for (const stale of [etag, 'W/"99"', '"nothing of ours"']) {
      expect(await patch('Theirs', stale)).toMatchObject({
        status: 412,
        body: { code: 'precondition_failed' },
      });
    }
    const { body, headers } = await api.rest(one.token, 'GET', `/previews/${id}/`);
    expect(body.prefill.headline).toBe('Mine');
    // If-Match may be a list of ETags, and the ETag in an answer to PATCH is valid too.
    const second = await patch('Second', `"1", ${headers.etag}`);
    expect(second.status).toBe(200);
    expect((await patch('Third', String(second.headers.etag))).status).toBe(200);
    expect((await patch('Fourth', '*')).status).toBe(200);
  });

  test('is a field over tRPC', async () => {
    const id = await addDone();
    const { previews } = api.client(one.token);
    const { version } = await previews.get.query({ id });
    const change = (headline: string, ifVersion: number | number[]) =>
      previews.patch.mutate({ id, prefill: { headline }, ifVersion });
    await expect(change('No', version + 1)).rejects.toMatchObject({
      data: { code: 'precondition_failed', httpStatus: 412 },
    });
    expect(await change('Yes', [version, version + 1])).toMatchObject({ prefill: { headline: 'Yes' } });
  });
});

test('a request has an id, sent or generated, in the response, the problem and the log', async () => {
  const ask = (headers: Record<string, string>) =>
    api.rest(one.token, 'GET', '/previews/x/', undefined, headers);
  const mine = await ask({ 'x-request-id': 'order-7:2' });
  expect(mine.headers['x-request-id']).toBe('order-7:2');
  expect(mine.body.request_id).toBe('order-7:2');
  expect(JSON.stringify(api.log.lines)).toContain('order-7:2');
  const bad = await ask({ 'x-request-id': 'a b\u0001' });
  expect(bad.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
});

test('limits the requests of a workspace over both APIs, and not those of others', async () => {
  const narrow = await startTestApi(db, { requestRate: { maxCalls: 3, windowMs: 60_000 } });
  try {
    const ask = (token: string) => narrow.rest(token, 'GET', '/limits/');
    const first = await ask(one.token);
    expect(first).toMatchObject({
      status: 200,
      headers: { 'ratelimit-policy': '"default";q=3;w=60', ratelimit: '"default";r=2;t=60' },
    });
    await narrow.client(one.token).limits.get.query();
    await ask(one.token);
    const refused = await ask(one.token);
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await expect(narrow.client(one.token).limits.get.query()).rejects.toMatchObject({
      data: { code: 'rate_limited', httpStatus: 429 },
    });
    expect((await ask(other.token)).status).toBe(200);
  } finally {
    await narrow.close();
  }
});
