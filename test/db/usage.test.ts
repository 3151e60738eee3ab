import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadLimiter } from '../../src/ai-calls/load-limiter.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import { listBatches } from '../../src/batches/list-batches.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { rescueWork } from '../../src/pipeline/rescue-work.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { storeCopy } from '../../src/pipeline/store-answer.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
import { retryPreview } from '../../src/previews/retry-preview.ts';
import { addQueuedBatch, addWorker, answer, claim, finish } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase();
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const baseUrl = 'https://cta.example';
const usageOf = async (id: string) => (await getBatch(db.deps, { workspaceId, id })).usage;

test('sums up the usage of the previews of a batch, including retries and regenerations', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [2, 1]);
  expect(batch.usage).toEqual({ calls: 0, inputTokens: 0, outputTokens: 0, pictures: 0, durationMs: 0 });
  const calls = await claim(db, workerId);
  const [first, ...others] = calls;
  if (!first) throw new Error('nothing was claimed');
  await settleCallFailure(db.deps, first, new AppError('ai_bad_answer'));
  await finish(db, others);
  await finish(db, await claim(db, workerId));
  expect(await usageOf(batch.id)).toMatchObject({
    calls: 7,
    inputTokens: 60,
    outputTokens: 120,
    pictures: 3,
  });
  const { items } = await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 10 });
  expect(items.map((preview) => preview.usage.calls).toSorted()).toEqual([2, 2, 3]);
  await retryPreview(db.deps, { workspaceId, baseUrl, id: items[0]?.id ?? '' });
  await finish(db, await claim(db, workerId));
  expect(await usageOf(batch.id)).toMatchObject({ calls: 9, pictures: 4 });
  const listed = await listBatches(db.deps, { workspaceId, pageSize: 10 });
  expect(listed.items[0]?.usage).toEqual(await usageOf(batch.id));
});

test('counts a paid answer that cannot be used', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const [text, image] = (await claim(db, workerId)).toSorted((a, b) => b.kind.localeCompare(a.kind));
  if (!text || !image) throw new Error('two calls were expected');
  const usage = { inputTokens: 30, outputTokens: 10 };
  await settleCallFailure(db.deps, text, new AppError('ai_bad_answer', { usage }));
  // A provider may report any number. The ledger ignores values that cannot be a count.
  const wrong = { inputTokens: 2 ** 40, outputTokens: 5 };
  await settleCallFailure(db.deps, image, new AppError('ai_refused', { usage: wrong }));
  const expected = { calls: 2, inputTokens: 30, outputTokens: 15, pictures: 0 };
  expect(await usageOf(batch.id)).toMatchObject(expected);
  const { items } = await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 10 });
  expect(items).toMatchObject([{ status: 'failed', usage: expected }]);
});

test('counts a paid answer that came after another attempt', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const late = (await claim(db, workerId)).find((call) => call.kind === 'text');
  if (!late) throw new Error('nothing was claimed');
  await rescueWork(db.deps, workerId);
  await finish(db, await claim(db, await addWorker(db)));
  const before = await usageOf(batch.id);
  expect(await answer(db, late)).toBe('late');
  expect(await usageOf(batch.id)).toMatchObject({
    calls: before.calls,
    inputTokens: before.inputTokens + 10,
    outputTokens: before.outputTokens + 20,
  });
});

test('counts a late answer', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const [late] = await claim(db, workerId);
  if (!late) throw new Error('nothing was claimed');
  await rescueWork(db.deps, workerId);
  expect(await usageOf(batch.id)).toMatchObject({ calls: 2, inputTokens: 0 });
  expect(await answer(db, late)).toBe('late');
  expect(await usageOf(batch.id)).toMatchObject({ calls: 2, inputTokens: 10, outputTokens: 20 });
});

test('finishes a preview whatever usage the provider reports', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const most = 2 ** 31 - 1;
  for (let round = 0; round < 2; round += 1) {
    const calls = await claim(db, workerId);
    const text = calls.find((call) => call.kind === 'text');
    if (!text) throw new Error('nothing was claimed');
    await storeCopy(db.deps, text, {
      texts: { headline: 'A red shoe', subheadline: null, body: null, ctaText: 'Buy' },
      usage: { model: 'test-1', inputTokens: most, outputTokens: most },
    });
    await finish(
      db,
      calls.filter((call) => call.kind === 'image'),
    );
    const { items } = await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 10 });
    expect(items).toMatchObject([{ status: 'done', usage: { inputTokens: most, outputTokens: most } }]);
    await retryPreview(db.deps, { workspaceId, baseUrl, id: items[0]?.id ?? '' });
  }
  expect(await usageOf(batch.id)).toMatchObject({ calls: 4, inputTokens: most });
});

test('counts no negative time for a call whose send time was recorded after its answer', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const calls = await claim(db, workerId);
  const text = calls.filter((call) => call.kind === 'text');
  await finish(db, text);
  await db.orm.execute(
    sql`update cta.ai_calls set left_at = ended_at + interval '3 s' where ended_at is not null`,
  );
  await finish(
    db,
    calls.filter((call) => call.kind === 'image'),
  );
  const { calls: count, durationMs } = await usageOf(batch.id);
  expect(count).toBe(2);
  expect(durationMs).toBeGreaterThanOrEqual(0);
});

test('without a limit, counts the time of a call from its claim, because its send time is not recorded', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const calls = await claim(db, workerId);
  expect(calls.map((call) => call.counted)).toEqual([false, false]);
  await db.orm.execute(sql`update cta.ai_calls set claimed_at = claimed_at - interval '2 s'`);
  await finish(db, calls);
  expect((await usageOf(batch.id)).durationMs).toBeGreaterThanOrEqual(4000);
  const { kinds } = await loadLimiter(db.orm);
  expect(kinds.map(({ typicalMs }) => (typicalMs ?? 0) >= 2000)).toEqual([true, true]);
});
