import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CallKind, SEND_WITHIN_MS } from '../../src/ai-calls/ai-call.ts';
import { lockSlots, SLOT_GUARD_MS } from '../../src/ai-calls/lock-slots.ts';
import { pauseCalls } from '../../src/ai-calls/pause-calls.ts';
import { recordDeparture } from '../../src/ai-calls/record-departure.ts';
import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { workspaces } from '../../src/db/schema/workspaces.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { rescueWork } from '../../src/pipeline/rescue-work.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { addQueuedBatch, addWorker, answer, claim } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase({ rate: '20/m' });
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const slots = () => db.transact(lockSlots);
const free = async () => {
  const { text, image } = await slots();
  return { text: text.free, image: image.free };
};
/** Moves all departures into the past. */
const age = (ms: number) =>
  db.orm.execute(sql`update cta.ai_calls set left_at = left_at - make_interval(secs => ${ms} / 1000.0)`);
const recordAllDepartures = async () => {
  const rows = await db.orm.select({ id: aiCalls.id }).from(aiCalls);
  for (const { id } of rows) await recordDeparture(db.orm, id);
};
const WINDOW_MS = 60_000 + SLOT_GUARD_MS;

describe('slots', () => {
  test('a start takes one slot of each kind, and only the first 20 start at once', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10, 10]);
    expect(await free()).toEqual({ text: 20, image: 20 });
    expect(await claim(db, workerId)).toHaveLength(40);
    expect(await free()).toEqual({ text: 0, image: 0 });
    expect(await claim(db, workerId)).toEqual([]);
  });

  test('frees a slot a window and a guard after its request left', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10, 10]);
    const calls = await claim(db, workerId);
    await recordAllDepartures();
    // Far more than the test itself takes.
    const left = 50_000;
    await age(WINDOW_MS - left);
    expect(await free()).toEqual({ text: 0, image: 0 });
    const { text } = await slots();
    expect(text.waitMs).toBeGreaterThan(0);
    expect(text.waitMs).toBeLessThanOrEqual(left);
    await age(left + 1);
    expect(await free()).toEqual({ text: 20, image: 20 });
    expect(await claim(db, workerId)).toHaveLength(20);
    expect(calls).toHaveLength(40);
  });

  test('keeps the slot of a request that may have left, however long ago it was claimed', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10, 10]);
    await claim(db, workerId);
    await db.orm.execute(sql`update cta.ai_calls set claimed_at = claimed_at - interval '1 hour'`);
    expect(await free()).toEqual({ text: 0, image: 0 });
  });

  test('frees the slot of a request that never left at once', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10]);
    const [call] = await claim(db, workerId);
    if (!call) throw new Error('nothing was claimed');
    await settleCallFailure(db.deps, call, new AppError('slot_expired'));
    expect((await free())[call.kind]).toBe(1);
  });

  test('keeps the slot of a call of a dead worker as long as it might still be sent', async () => {
    await addQueuedBatch(db, workspaceId, [1]);
    await claim(db, workerId);
    await rescueWork(db.deps, workerId);
    const rows = await db.orm.select().from(aiCalls);
    for (const { claimedAt, leftAt } of rows) {
      expect((leftAt?.getTime() ?? 0) - claimedAt.getTime()).toBeGreaterThanOrEqual(SEND_WITHIN_MS);
    }
  });

  test('counts an answer without a recorded send time from its arrival', async () => {
    await addQueuedBatch(db, workspaceId, [1]);
    for (const call of await claim(db, workerId)) await answer(db, call);
    expect(await free()).toEqual({ text: 19, image: 19 });
    await age(WINDOW_MS + 1);
    expect(await free()).toEqual({ text: 20, image: 20 });
  });

  test('still counts the calls of a deleted batch or workspace', async () => {
    await addQueuedBatch(db, workspaceId, [10]);
    await claim(db, workerId);
    await db.orm.delete(batches);
    expect(await free()).toEqual({ text: 10, image: 10 });
    await db.orm.delete(workspaces).where(eq(workspaces.id, workspaceId));
    expect(await free()).toEqual({ text: 10, image: 10 });
  });

  test('concurrent claims share the slots', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10, 10, 10]);
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(db, workerId, 7)));
    const kinds = claims.flat().map((call) => call.kind);
    const count = (kind: CallKind) => kinds.filter((k) => k === kind).length;
    expect([count('text'), count('image')]).toEqual([20, 20]);
    expect(new Set(claims.flat().map((call) => call.callId)).size).toBe(40);
  });
});

describe('the limit in force', () => {
  test('is set by the newest worker, which learns the replaced limit', async () => {
    expect(await setLimit(db, '20/m')).toEqual({});
    expect(await setLimit(db, '3/m')).toEqual({ replaced: '20/m' });
    await addQueuedBatch(db, workspaceId, [10]);
    expect(await claim(db, workerId)).toHaveLength(6);
  });

  test('does not count calls that were made while it was off', async () => {
    await setLimit(db, 'off');
    await addQueuedBatch(db, workspaceId, [10, 10, 10]);
    expect(await claim(db, workerId)).toHaveLength(60);
    await setLimit(db, '20/m');
    expect(await free()).toEqual({ text: 20, image: 20 });
  });

  test('a pause requested by a provider stops every kind, even without a limit', async () => {
    await setLimit(db, 'off');
    await addQueuedBatch(db, workspaceId, [2]);
    await pauseCalls(db.orm, 3_600_000);
    expect(await claim(db, workerId)).toEqual([]);
    const { image } = await slots();
    // Allows for the duration of the test itself.
    expect(image.waitMs).toBeGreaterThan(3_000_000);
    await pauseCalls(db.orm, 1);
    expect(await claim(db, workerId)).toEqual([]);
    await db.orm.execute(sql`update cta.call_limits set paused_until = clock_timestamp()`);
    expect(await claim(db, workerId)).toHaveLength(4);
  });
});

describe('fairness', () => {
  test('a new workspace starts within one round, however much others have queued', async () => {
    const { workspaceId: second } = await db.addWorkspace('two');
    await addQueuedBatch(db, workspaceId, [10, 10, 10, 10]);
    await claim(db, workerId, 5);
    await addQueuedBatch(db, second, [2]);
    const order: string[] = [];
    while (order.length < 4) {
      for (const call of await claim(db, workerId, 1)) if (call.kind === 'text') order.push(call.workspaceId);
    }
    expect(order.slice(0, 2)).toContain(second);
    expect(order.filter((id) => id === second)).toHaveLength(2);
  });

  test('a workspace that submits repeatedly gets one start per round', async () => {
    await setLimit(db, 'off');
    const { workspaceId: second } = await db.addWorkspace('two');
    await addQueuedBatch(db, workspaceId, [10]);
    const order: string[] = [];
    for (let i = 0; i < 12; i += 1) {
      await addQueuedBatch(db, second, [1]);
      for (const call of await claim(db, workerId, 1)) if (call.kind === 'text') order.push(call.workspaceId);
    }
    const first = order.filter((id) => id === workspaceId).length;
    expect(first).toBeGreaterThanOrEqual(5);
    expect(first).toBeLessThanOrEqual(7);
  });

  test('retries of one workspace do not keep another from starting', async () => {
    await addQueuedBatch(db, workspaceId, [10, 10]);
    for (const call of await claim(db, workerId)) {
      await settleCallFailure(db.deps, call, new AppError('ai_rate_limited'));
    }
    const { workspaceId: second } = await db.addWorkspace('two');
    await addQueuedBatch(db, second, [1]);
    await age(WINDOW_MS + 1);
    await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state = 'created'`);
    const calls = await claim(db, workerId, 4);
    expect(calls.map((call) => call.workspaceId)).toContain(second);
  });

  test('a workspace with nothing waiting has no disadvantage later', async () => {
    const { workspaceId: second } = await db.addWorkspace('two');
    await addQueuedBatch(db, second, [10, 10]);
    await db.orm.delete(batches).where(eq(batches.workspaceId, second));
    await addQueuedBatch(db, workspaceId, [10]);
    await addQueuedBatch(db, second, [1]);
    const calls: string[] = [];
    for (let i = 0; calls.length < 4 && i < 40; i += 1) {
      for (const call of await claim(db, workerId, 1)) calls.push(call.workspaceId);
    }
    expect(calls).toContain(second);
  });
});
