import { isNull, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storeAsset } from '../../src/assets/store-asset.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import { retryBatch } from '../../src/batches/retry-batch.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { assets } from '../../src/db/schema/assets.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { productImages, products } from '../../src/db/schema/products.ts';
import { workers } from '../../src/db/schema/workers.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { rescueWork } from '../../src/pipeline/rescue-work.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
import { patchPreview } from '../../src/previews/patch-preview.ts';
import { runHousekeeping } from '../../src/steps/run-housekeeping.ts';
import { claimHousekeeping, scheduleHousekeeping } from '../../src/workers/claim-housekeeping.ts';
import { quietLog } from '../support/quiet-log.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const DAY_MS = 86_400_000;
const baseUrl = 'https://cta.example';
let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase();
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const signal = new AbortController().signal;
const keep = (
  retention = { batchesMs: 30 * DAY_MS, callsMs: 10 * DAY_MS } as {
    batchesMs: number | null;
    callsMs: number | null;
  },
) => runHousekeeping({ ...db.deps, log: quietLog, retention }).run({}, signal);

/** Makes all existing rows older. */
async function age(days: number): Promise<void> {
  const by = sql`make_interval(days => ${days})`;
  await db.orm.execute(sql`update cta.batches set finished_at = finished_at - ${by}`);
  await db.orm.execute(sql`update cta.products set read_at = read_at - ${by}`);
  await db.orm.execute(sql`update cta.assets set used_at = used_at - ${by}`);
  await db.orm.execute(sql`update cta.workers set died_at = died_at - ${by}`);
  await db.orm.execute(sql`update cta.ai_calls set ended_at = ended_at - ${by}, left_at = left_at - ${by}`);
}

const count = async (
  table:
    | typeof batches
    | typeof assets
    | typeof aiCalls
    | typeof products
    | typeof workers
    | typeof productImages,
) => (await db.orm.select({ one: sql`1` }).from(table)).length;

async function makeDone(sizes: number[]) {
  const batch = await addQueuedBatch(db, workspaceId, sizes);
  await finish(db, await claim(db, workerId));
  return batch;
}

test('deletes an old finished batch with everything in it, and keeps an unfinished one', async () => {
  await makeDone([2, 1]);
  const open = await addQueuedBatch(db, workspaceId, [1]);
  await age(29);
  await keep();
  expect([await count(batches), await count(products)]).toEqual([2, 3]);
  await age(2);
  await keep();
  expect((await getBatch(db.deps, { workspaceId, id: open.id })).progress).toMatchObject({ queued: 1 });
  // Only its own product and image remain, because its waiting previews need them.
  expect([await count(batches), await count(products), await count(productImages)]).toEqual([1, 1, 1]);
  expect([await count(aiCalls), await count(assets)]).toEqual([0, 1]);
});

test('keeps batches and their images forever if retention is off', async () => {
  const batch = await makeDone([2]);
  const before = [await count(assets), await count(aiCalls), await count(products)];
  await age(5000);
  await keep({ batchesMs: null, callsMs: DAY_MS });
  expect([await count(assets), await count(aiCalls), await count(products)]).toEqual(before);
  for (const { prefill } of (
    await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 9, bulkTaskId: batch.id })
  ).items) {
    const key = prefill?.backgroundImageUrl.split('/').at(-1);
    expect(await db.orm.select().from(assets).where(sql`${assets.key} = ${key}`)).toHaveLength(1);
  }
});

test('deletes attempts without an answer from the ledger, and keeps answers for a retry', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  for (const call of await claim(db, workerId)) {
    if (call.kind === 'text') await finish(db, [call]);
    else await settleCallFailure(db.deps, call, new AppError('ai_refused'));
  }
  await age(11);
  await keep();
  expect(await db.orm.select({ status: aiCalls.status }).from(aiCalls)).toEqual([{ status: 'answered' }]);
  await retryBatch(db.deps, { workspaceId, id: batch.id });
  const calls = await claim(db, workerId);
  expect(calls.map((call) => call.kind)).toEqual(['image']);
  await keep({ batchesMs: 1, callsMs: 1 });
  expect(await db.orm.select().from(aiCalls).where(isNull(aiCalls.endedAt))).toHaveLength(1);
});

test('keeps images used in a prefill, and resets the age of an image that is stored again', async () => {
  const batch = await makeDone([1]);
  const image = { contentType: 'image/png', width: 1, height: 1 };
  const store = (text: string) =>
    db.transact((tx) => storeAsset(tx, workspaceId, { ...image, bytes: Buffer.from(text) }));
  const [used, again, orphan] = [await store('used'), await store('again'), await store('orphan')];
  const [preview] = (await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 9, bulkTaskId: batch.id }))
    .items;
  const patch = { productImageUrl: `${baseUrl}/assets/${used.key}` };
  await patchPreview(db.deps, { workspaceId, baseUrl, id: preview?.id ?? '', patch });
  await age(2);
  await store('again');
  await keep();
  const left = new Set((await db.orm.select({ id: assets.id }).from(assets)).map((row) => row.id));
  expect([used.id, again.id, orphan.id].map((id) => left.has(id))).toEqual([true, true, false]);
});

test('deletes dead workers after a day, and keeps their ids on the ledger', async () => {
  await addQueuedBatch(db, workspaceId, [1]);
  await claim(db, workerId);
  await rescueWork(db.deps, workerId);
  await age(2);
  const before = await count(workers);
  await keep();
  expect(await count(workers)).toBe(before - 1);
  expect((await db.orm.select({ workerId: aiCalls.workerId }).from(aiCalls))[0]?.workerId).toBe(workerId);
});

test('runs once an hour, in one worker', async () => {
  for (let i = 0; i < 3; i += 1) await scheduleHousekeeping(db.deps);
  expect(await claimHousekeeping(db.deps)).toBe(false);
  const due = () =>
    db.orm.execute(
      sql`update cta_jobs.job set start_after = now() where name = 'housekeeping' and state < 'active'`,
    );
  await due();
  const claims = await Promise.all(Array.from({ length: 4 }, () => claimHousekeeping(db.deps)));
  expect(claims.filter(Boolean)).toHaveLength(1);
  const { rows } = await db.orm.execute<{ n: number }>(
    sql`select count(*)::int as n from cta_jobs.job where name = 'housekeeping' and state < 'active'`,
  );
  expect(rows[0]?.n).toBe(1);
  await due();
  expect(await claimHousekeeping(db.deps)).toBe(true);
});
