import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockSlots } from '../../src/ai-calls/lock-slots.ts';
import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { getBatch } from '../../src/batches/get-batch.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import { type ClaimedCall, claimCalls } from '../../src/pipeline/claim-calls.ts';
import { expireWaits } from '../../src/pipeline/expire-waits.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { addQueuedBatch, addWorker, answer, claim, finish, providers } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase({ rate: 'off' });
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

async function fail(calls: readonly ClaimedCall[], code: ErrorCode): Promise<boolean> {
  let broke = false;
  for (const call of calls) {
    const outcome = await settleCallFailure(db.deps, call, new AppError(code));
    broke ||= outcome.breakerOpened === true;
  }
  return broke;
}

/** Ends the pauses before retries and probes. */
async function passTime(): Promise<void> {
  await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
  await db.orm.execute(
    sql`update cta.call_limits set probe_after = clock_timestamp() where failing_since is not null`,
  );
}

/** Opens both breakers, so that every preview waits. */
async function breakBoth(sizes: number[]) {
  const batch = await addQueuedBatch(db, workspaceId, sizes);
  expect(await fail(await claim(db, workerId, 5), 'ai_server_error')).toBe(true);
  await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
  return batch;
}

test('a run of failures stops all calls except one probe at a time', async () => {
  await breakBoth([10]);
  expect(await claim(db, workerId)).toEqual([]);
  await passTime();
  const probe = await claim(db, workerId);
  expect(new Set(probe.map((call) => call.previewId)).size).toBe(1);
  expect(await claim(db, workerId)).toEqual([]);
  await fail(probe, 'ai_server_error');
  expect(await claim(db, workerId)).toEqual([]);
  await passTime();
  expect((await claim(db, workerId)).length).toBeLessThanOrEqual(2);
  const rows = await db.orm.select({ id: aiCalls.id }).from(aiCalls).where(eq(aiCalls.probe, true));
  expect(rows.length).toBeLessThanOrEqual(4);
});

test('reports the time of the next probe as the earliest time to retry', async () => {
  await breakBoth([10]);
  // Delays it so long that it is not due before this test has ended.
  await db.orm.execute(sql`update cta.call_limits set probe_after = probe_after + interval '1 hour'`);
  const untilProbe = async () => {
    const { rows } = await db.orm.execute<{ ms: number }>(
      sql`select ceil(extract(epoch from min(probe_after) - clock_timestamp()) * 1000)::float8 as ms from cta.call_limits`,
    );
    return rows[0]?.ms ?? Number.NaN;
  };
  const before = await untilProbe();
  expect(before).toBeLessThanOrEqual(3_605_000);
  const { waitMs } = await claimCalls(db.deps, { workerId, providers, limit: 10 });
  expect(waitMs).toBeLessThanOrEqual(before);
  expect(waitMs).toBeGreaterThanOrEqual(await untilProbe());
});

test('a long outage uses up no attempts, and the first answer resumes everything', async () => {
  const batch = await breakBoth([10]);
  for (let i = 0; i < 20; i += 1) {
    await passTime();
    const probe = await claim(db, workerId);
    expect(probe.length).toBeGreaterThan(0);
    await fail(probe, 'ai_unreachable');
  }
  for (let rounds = 0; rounds < 40; rounds += 1) {
    await passTime();
    await finish(db, await claim(db, workerId));
  }
  expect((await getBatch(db.deps, { workspaceId, id: batch.id })).progress).toMatchObject({
    total: 10,
    done: 10,
  });
});

test('treats calls that cannot be sent in time like an unreachable AI service', async () => {
  await setLimit(db, '20/m');
  const batch = await addQueuedBatch(db, workspaceId, [10]);
  const first = await claim(db, workerId);
  expect(first).toHaveLength(20);
  expect(await fail(first, 'slot_expired')).toBe(true);
  // No call is retried at once, and no slot is held.
  expect(await claim(db, workerId)).toEqual([]);
  const { text, image } = await db.transact(lockSlots);
  expect([text, image].map(({ isFailing, isLimited }) => [isFailing, isLimited])).toEqual([
    [true, true],
    [true, true],
  ]);
  // More probes than a preview has tries: a failed probe must not count as a try.
  for (let i = 0; i < 25; i += 1) {
    await passTime();
    const probe = await claim(db, workerId);
    expect(new Set(probe.map((call) => call.previewId)).size).toBe(1);
    await fail(probe, 'slot_expired');
    expect(await claim(db, workerId)).toEqual([]);
  }
  expect((await getBatch(db.deps, { workspaceId, id: batch.id })).progress).toMatchObject({ failed: 0 });
  for (let rounds = 0; rounds < 40; rounds += 1) {
    await passTime();
    await finish(db, await claim(db, workerId));
  }
  expect((await getBatch(db.deps, { workspaceId, id: batch.id })).progress).toMatchObject({
    total: 10,
    done: 10,
  });
});

test('retries a call that could not be sent after a pause, on its own', async () => {
  await addQueuedBatch(db, workspaceId, [1]);
  for (const minMs of [500, 1000, 2000]) {
    const calls = await claim(db, workerId);
    expect(calls.length).toBeGreaterThan(0);
    await fail(calls, 'slot_expired');
    expect(await claim(db, workerId)).toEqual([]);
    const { rows } = await db.orm.execute<{ ms: number }>(
      sql`select extract(epoch from min(retry_at) - max(updated_at)) * 1000 as ms from cta.previews`,
    );
    expect(Number(rows[0]?.ms)).toBeGreaterThan(minMs * 0.9);
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
  }
});

test('closes with an answer to any call, and reports it', async () => {
  await addQueuedBatch(db, workspaceId, [10]);
  const [late, ...calls] = await claim(db, workerId, 10);
  await fail(calls, 'ai_timeout');
  expect(await claim(db, workerId)).toEqual([]);
  if (!late) throw new Error('nothing was claimed');
  await answer(db, late);
  const { recovered } = await claimCalls(db.deps, { workerId, providers, limit: 10 });
  expect(recovered).toEqual([late.kind]);
});

test('pauses only the failing kind', async () => {
  await addQueuedBatch(db, workspaceId, [6]);
  const calls = await claim(db, workerId);
  await fail(
    calls.filter((call) => call.kind === 'image'),
    'ai_server_error',
  );
  const [text, ...texts] = calls.filter((call) => call.kind === 'text');
  if (!text) throw new Error('nothing was claimed');
  await fail([text], 'ai_bad_answer');
  expect((await claim(db, workerId)).map((call) => call.kind)).toEqual(['text']);
  await finish(db, texts);
});

test('blames the pages for wrong shapes from two pages, and the provider for three', async () => {
  await addQueuedBatch(db, workspaceId, [5, 5]);
  expect(await fail(await claim(db, workerId), 'ai_bad_answer')).toBe(false);
  await addQueuedBatch(db, workspaceId, [1]);
  const next = await claim(db, workerId);
  expect(next.length).toBeGreaterThan(0);
  expect(await fail(next, 'ai_bad_answer')).toBe(true);
});

test('lets a new worker try at once, because the cause may have been a setting', async () => {
  await breakBoth([10]);
  expect(await claim(db, workerId)).toEqual([]);
  await setLimit(db, 'off');
  expect((await claim(db, workerId)).length).toBeGreaterThan(0);
});

test('fails previews that waited too long, with the reason, and keeps later ones waiting', async () => {
  const batch = await breakBoth([7]);
  const waitMs = 60_000;
  expect(await expireWaits(db.deps, { waitMs })).toBe(0);
  await db.orm.execute(sql`update cta.call_limits set failing_since = failing_since - interval '2 minutes'`);
  expect(await expireWaits(db.deps, { waitMs })).toBe(0);
  await db.orm.execute(sql`update cta.previews set queued_at = queued_at - interval '2 minutes'`);
  const later = await addQueuedBatch(db, workspaceId, [3]);
  expect(await expireWaits(db.deps, { waitMs })).toBe(7);
  expect(await getBatch(db.deps, { workspaceId, id: batch.id })).toMatchObject({
    status: 'failed',
    finishedAt: expect.any(Date),
    progress: { failed: 7 },
  });
  const rows = await db.orm
    .selectDistinct({ code: previews.errorCode })
    .from(previews)
    .where(eq(previews.batchId, batch.id));
  expect(rows).toEqual([{ code: 'provider_unavailable' }]);
  expect((await getBatch(db.deps, { workspaceId, id: later.id })).progress).toMatchObject({ queued: 3 });
  await db.orm.execute(
    sql`update cta.call_limits set failing_since = null, failing_code = null, probe_after = null`,
  );
  await db.orm.execute(sql`update cta.previews set queued_at = queued_at - interval '1 hour'`);
  expect(await expireWaits(db.deps, { waitMs })).toBe(0);
});

test('keeps previews waiting that need only a call of the working kind', async () => {
  const batch = await breakBoth([7]);
  await db.orm.execute(
    sql`update cta.call_limits set failing_since = null, failing_code = null, probe_after = null where kind = 'image'`,
  );
  await db.orm.execute(sql`update cta.call_limits set failing_since = failing_since - interval '2 minutes'`);
  await db.orm.execute(sql`
    update cta.previews set queued_at = queued_at - interval '2 minutes',
      next_step = case position when 0 then 'image' when 1 then 'text' end`);
  expect(await expireWaits(db.deps, { waitMs: 60_000 })).toBe(6);
  const waiting = await db.orm
    .select({ nextStep: previews.nextStep })
    .from(previews)
    .where(eq(previews.status, 'queued'));
  expect(waiting).toEqual([{ nextStep: 'image' }]);
  expect((await getBatch(db.deps, { workspaceId, id: batch.id })).progress).toMatchObject({
    failed: 6,
    queued: 1,
  });
});
