import { inArray, isNull, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pauseCalls } from '../../src/ai-calls/pause-calls.ts';
import { recordDeparture } from '../../src/ai-calls/record-departure.ts';
import type { Batch } from '../../src/batches/batch.ts';
import { createBatch } from '../../src/batches/create-batch.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { workers } from '../../src/db/schema/workers.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { type ClaimedCall, claimCalls } from '../../src/pipeline/claim-calls.ts';
import { recordLateAnswer } from '../../src/pipeline/record-late-answer.ts';
import { rescueWork } from '../../src/pipeline/rescue-work.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { getPreview } from '../../src/previews/get-preview.ts';
import { listPreviews } from '../../src/previews/list-previews.ts';
import { addQueuedBatch, addWorker, answer, claim, finish, providers } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const baseUrl = 'https://cta.example';
let db: TestDatabase;
let workerId: string;
let one: string;
let two: string;
beforeEach(async () => {
  db = await openTestDatabase({ rate: '3/m' });
  workerId = await addWorker(db);
  one = (await db.addWorkspace('one')).workspaceId;
  two = (await db.addWorkspace('two')).workspaceId;
});
afterEach(() => db.drop());

const list = async (workspaceId: string, batch?: Batch) =>
  (await listPreviews(db.deps, { workspaceId, baseUrl, pageSize: 100, bulkTaskId: batch?.id })).items;

async function recordDepartures(calls: readonly ClaimedCall[]): Promise<void> {
  for (const call of calls) await recordDeparture(db.orm, call.callId);
}

/** Lets time pass for the limit. */
async function passTime(ms: number): Promise<void> {
  await db.orm.execute(
    sql`update cta.ai_calls set left_at = left_at - make_interval(secs => ${ms} / 1000.0)`,
  );
}

test('previews start at the forecast times, in the forecast order', async () => {
  await addQueuedBatch(db, one, [4]);
  await recordDepartures(await claim(db, workerId, 2));
  await passTime(20_000);
  await addQueuedBatch(db, two, [5]);
  const start = Date.now();
  const forecasts = [...(await list(one)), ...(await list(two))].filter(
    (preview) => preview.status === 'queued',
  );
  expect(forecasts.map((preview) => preview.queuePosition).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  for (const preview of forecasts) {
    expect(preview.waitingFor).toMatchObject({ code: 'slot', until: expect.any(Date) });
  }

  const observed = new Map<string, { order: number; passed: number; took: number }>();
  for (let passed = 0; observed.size < forecasts.length; ) {
    const { work, waitMs = 0 } = await claimCalls(db.deps, { workerId, providers, limit: 1 });
    await recordDepartures(work);
    for (const { previewId } of work.slice(0, 1)) {
      observed.set(previewId, { order: observed.size + 1, passed, took: Date.now() - start });
    }
    if (work.length > 0) continue;
    await passTime(waitMs);
    passed += waitMs;
  }
  for (const { id, queuePosition, eta } of forecasts) {
    const { order, passed, took } = observed.get(id) ?? { order: 0, passed: 0, took: 0 };
    expect(order).toBe(queuePosition);
    // Allows for a slow test. With the time that the test took, the preview starts no earlier than
    // forecast, which is rounded up to a second. Without that time, it starts no later. Every wait
    // is rounded to a millisecond.
    const due = (eta?.getTime() ?? 0) - start;
    expect(passed + took).toBeGreaterThan(due - 1100);
    expect(passed).toBeLessThan(due + 100);
  }
});

test('places a waiting page behind all queued previews', async () => {
  await addQueuedBatch(db, one, [2]);
  const sources = [1, 2].map((n) => ({ url: `https://shop.example/${n}`, batchSize: 2 }));
  const batch = await createBatch(db.deps, { workspaceId: two, batch: { sources } });
  const previews = await list(two, batch);
  expect(previews.map((preview) => preview.queuePosition)).toEqual([3, 4, 5, 6]);
  for (const preview of previews) {
    expect(preview).toMatchObject({
      eta: expect.any(Date),
      waitingFor: { code: 'page', until: expect.any(Date) },
    });
  }
});

test('reports no wait for running and final previews', async () => {
  const batch = await addQueuedBatch(db, one, [2]);
  const nothing = { queuePosition: null, eta: null, waitingFor: null };
  const calls = await claim(db, workerId, 1);
  await finish(db, calls);
  await claim(db, workerId, 1);
  const previews = await list(one, batch);
  expect(previews.map((preview) => preview.status).toSorted()).toEqual(['done', 'running']);
  for (const preview of previews) expect(preview).toMatchObject(nothing);
});

test('reports a retry, a pause of the provider, the breaker, and a missing worker', async () => {
  const batch = await addQueuedBatch(db, one, [1]);
  const [preview] = await list(one, batch);
  const waits = async () =>
    (await getPreview(db.deps, { workspaceId: one, id: preview?.id ?? '', baseUrl })).waitingFor;
  for (const call of await claim(db, workerId)) {
    if (call.kind === 'text') await finish(db, [call]);
    else await settleCallFailure(db.deps, call, new AppError('ai_server_error'));
  }
  expect(await waits()).toMatchObject({ code: 'retry', until: expect.any(Date) });
  await pauseCalls(db.orm, 60_000);
  expect(await waits()).toMatchObject({ code: 'provider_pause', until: expect.any(Date) });
  await db.orm.execute(sql`
    update cta.call_limits set failing_since = now(), failing_code = 'ai_unauthorized', probe_after = now() where kind = 'image'`);
  expect(await waits()).toMatchObject({ code: 'breaker', message: expect.stringContaining('AI_API_KEY') });
  await db.orm.update(workers).set({ diedAt: new Date() }).where(isNull(workers.diedAt));
  expect(await waits()).toMatchObject({ code: 'worker', until: null });
});

describe('a preview with two waiting steps, one of which is answered, needs one call', () => {
  const nextStep = async () => {
    const { rows } = await db.orm.execute<{ next_step: string | null }>(
      sql`select next_step from cta.previews where status = 'queued'`,
    );
    expect(rows).toHaveLength(1);
    return rows[0]?.next_step;
  };

  test.each(['text', 'image'])('by a worker that was marked dead: %s', async (kind) => {
    await addQueuedBatch(db, one, [1]);
    const late = (await claim(db, workerId)).find((call) => call.kind === kind);
    if (!late) throw new Error('a call was expected');
    await rescueWork(db.deps, workerId);
    expect(await nextStep()).toBeNull();
    expect(await answer(db, late)).toBe('late');
    await recordLateAnswer(db.deps, late);
    expect(await nextStep()).toBe(kind === 'text' ? 'image' : 'text');
  });

  test('by an attempt of one step alone', async () => {
    await addQueuedBatch(db, one, [1]);
    for (const call of await claim(db, workerId))
      await settleCallFailure(db.deps, call, new AppError('ai_server_error'));
    expect(await nextStep()).toBeNull();
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
    const again = await claim(db, workerId, 1);
    expect(again).toHaveLength(1);
    await finish(db, again);
    expect(await nextStep()).toBe(again[0]?.kind === 'text' ? 'image' : 'text');
  });
});

test('estimates the duration of calls from recent ones', async () => {
  await addQueuedBatch(db, one, [4]);
  const calls = await claim(db, workerId, 3);
  await finish(db, calls);
  const ids = calls.map((call) => call.callId);
  await db.orm
    .update(aiCalls)
    .set({ leftAt: sql`ended_at - interval '8 s'` })
    .where(inArray(aiCalls.id, ids));
  const waiting = (await list(one)).find((preview) => preview.status === 'queued');
  const callMs = (waiting?.eta?.getTime() ?? 0) - (waiting?.waitingFor?.until?.getTime() ?? 0);
  expect(callMs).toBe(8000);
});
