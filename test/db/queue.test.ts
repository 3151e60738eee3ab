import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createId } from '../../src/lib/ids.ts';
import { openQueue, WAKE_CHANNEL } from '../../src/queue/queue.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.drop());

const job = (priority = 0, delayMs?: number) => ({
  payload: { batchId: createId() },
  priority,
  ...(delayMs === undefined ? {} : { delayMs }),
});
const take = (limit: number) =>
  db.transact(async (tx) => {
    const { jobs, complete } = await db.queue.fetch(tx, 'batch.start', limit);
    await complete();
    return jobs;
  });

test('a job enqueued in a transaction that rolls back does not exist', async () => {
  const failure = new Error('no');
  const attempt = db.transact(async (tx) => {
    await db.queue.enqueue(tx, 'batch.start', [job()]);
    throw failure;
  });
  await expect(attempt).rejects.toBe(failure);
  expect(await take(10)).toEqual([]);
  const { rows } = await db.orm.execute(sql`select count(*)::int as jobs from cta_jobs.job`);
  expect(rows).toEqual([{ jobs: 0 }]);
});

test('a job enqueued within a span carries it; an invalid span, or a job without one, does not', async () => {
  const traced = job();
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const tracing = { current: () => traceparent };
  const queue = await openQueue({ url: db.url, log: quietLog, supervise: false, tracing });
  try {
    await db.transact((tx) => queue.enqueue(tx, 'batch.start', [traced]));
  } finally {
    await queue.stop();
  }
  await db.transact((tx) => db.queue.enqueue(tx, 'batch.start', [job()]));
  const wrong = { payload: { batchId: createId(), traceparent: 'nonsense' } };
  await db.transact((tx) => db.queue.enqueue(tx, 'batch.start', [wrong]));
  const taken = await take(10);
  expect(taken).toHaveLength(3);
  for (const { payload } of taken)
    expect(payload.traceparent).toBe(payload.batchId === traced.payload.batchId ? traceparent : undefined);
});

test('a commit makes the job visible and wakes the listeners, best priority first', async () => {
  const woken = Promise.withResolvers<string>();
  await db.listen({ [WAKE_CHANNEL]: woken.resolve }, () => {});
  const [low, high] = [job(-5), job(3)];
  await db.transact((tx) => db.queue.enqueue(tx, 'batch.start', [low, high]));
  expect(await woken.promise).toBe('batch.start');
  expect((await take(1)).map((j) => j.payload)).toEqual([high.payload]);
  expect((await take(5)).map((j) => j.payload)).toEqual([low.payload]);
  expect(await take(5)).toEqual([]);
});

test('a job taken in a transaction that rolls back can be taken again', async () => {
  await db.transact((tx) => db.queue.enqueue(tx, 'batch.start', [job()]));
  const failure = new Error('no');
  const attempt = db.transact(async (tx) => {
    const { jobs, complete } = await db.queue.fetch(tx, 'batch.start', 1);
    await complete();
    expect(jobs).toHaveLength(1);
    throw failure;
  });
  await expect(attempt).rejects.toBe(failure);
  expect(await take(1)).toHaveLength(1);
});

test('two workers that take jobs at the same time get different ones', async () => {
  await db.transact((tx) =>
    db.queue.enqueue(
      tx,
      'batch.start',
      Array.from({ length: 20 }, () => job()),
    ),
  );
  const taken = (await Promise.all([take(10), take(10), take(10)])).flat().map((j) => j.id);
  expect(taken).toHaveLength(20);
  expect(new Set(taken).size).toBe(20);
});

test('does not take a delayed job before its time', async () => {
  await db.transact((tx) => db.queue.enqueue(tx, 'batch.start', [job(0, 60_000)]));
  expect(await take(1)).toEqual([]);
  await db.orm.execute(
    sql`update cta_jobs.job set start_after = start_after - interval '60 seconds' where state = 'created'`,
  );
  expect(await take(1)).toHaveLength(1);
});
