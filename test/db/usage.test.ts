import { afterEach, beforeEach, expect, test } from 'vitest';
import { getBatch } from '../../src/batches/get-batch.ts';
import { listBatches } from '../../src/batches/list-batches.ts';
import { recoverWork } from '../../src/batches/recover-work.ts';
import { retryPreview } from '../../src/batches/retry-preview.ts';
import { settleCallFailure } from '../../src/batches/settle-call-failure.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
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

test('a batch has used what its previews have, tries again and regenerations included', async () => {
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

test('an answer that comes late was paid for too', async () => {
  const batch = await addQueuedBatch(db, workspaceId, [1]);
  const [late] = await claim(db, workerId);
  if (!late) throw new Error('nothing was claimed');
  await recoverWork(db.deps, workerId);
  expect(await usageOf(batch.id)).toMatchObject({ calls: 2, inputTokens: 0 });
  expect(await answer(db, late)).toBe('late');
  expect(await usageOf(batch.id)).toMatchObject({ calls: 2, inputTokens: 10, outputTokens: 20 });
});
