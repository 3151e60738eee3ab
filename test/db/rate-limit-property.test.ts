import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CALL_KINDS, type CallKind, SEND_WITHIN_MS } from '../../src/ai-calls/ai-call.ts';
import { lockSlots, SLOT_GUARD_MS } from '../../src/ai-calls/lock-slots.ts';
import { recordDeparture } from '../../src/ai-calls/record-departure.ts';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import type { ClaimedCall } from '../../src/pipeline/claim-calls.ts';
import { rescueWork } from '../../src/pipeline/rescue-work.ts';
import { createAnswerSettler } from '../../src/pipeline/settle-answer.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { addQueuedBatch, addWorker, answer, claim } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/*
 * Compares random histories with a simple model of the limit: the list of times at which requests
 * reached the provider. No window may contain more of them than the limit. The model knows nothing
 * about slots.
 */

const MAX_CALLS = 3;
const WINDOW_MS = 60_000;

let db: TestDatabase;
let workspaceId: string;
beforeAll(async () => {
  db = await openTestDatabase({ rate: `${MAX_CALLS}/m` });
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => vi.useRealTimers());
afterAll(() => db.drop());

const FAILURES = ['ai_server_error', 'ai_rate_limited', 'ai_timeout', 'ai_bad_answer', 'ai_refused'] as const;

type Step =
  /** Time passes. */
  | { readonly do: 'pass'; readonly ms: number }
  /** One of three workers claims calls. */
  | { readonly do: 'claim'; readonly worker: number; readonly limit: number }
  /** A claimed call is sent, and its departure is recorded `stallMs` later. */
  | { readonly do: 'send'; readonly nth: number; readonly stallMs: number }
  | { readonly do: 'answer'; readonly nth: number }
  | { readonly do: 'fail'; readonly nth: number; readonly code: ErrorCode }
  /** A worker is killed and found dead `afterMs` later. Its claimed calls may have left before. */
  | { readonly do: 'kill'; readonly worker: number; readonly haveLeft: boolean; readonly afterMs: number }
  /** The clock of this host jumps. */
  | { readonly do: 'jump'; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('claim' as const),
        worker: fc.nat(2),
        limit: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        nth: fc.nat(5),
        stallMs: fc.oneof(fc.constant(0), fc.nat(3000)),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), nth: fc.nat(5) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('fail' as const),
        nth: fc.nat(5),
        code: fc.constantFrom(...FAILURES),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.oneof(
          fc.nat(3000),
          fc.nat(WINDOW_MS),
          fc.constantFrom(WINDOW_MS, WINDOW_MS + SLOT_GUARD_MS, WINDOW_MS - 1),
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('kill' as const),
        worker: fc.nat(2),
        haveLeft: fc.boolean(),
        afterMs: fc.oneof(fc.constant(2000), fc.integer({ min: 2000, max: 60_000 })),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('jump' as const),
        ms: fc.integer({ min: -86_400_000, max: 86_400_000 }),
      }),
    },
  ),
  { minLength: 5, maxLength: 40 },
);

/** A call that a worker holds. */
interface HeldCall {
  readonly call: ClaimedCall;
  /** The time on the model's clock. */
  readonly claimedAt: number;
  sent: boolean;
}

async function play(history: readonly Step[]): Promise<void> {
  await db.orm.execute(sql`truncate cta.batches, cta.ai_calls, cta.workers, cta_jobs.job cascade`);
  await db.orm.execute(sql`
    update cta.call_limits set paused_until = null, failing_since = null, failing_code = null, probe_after = null`);
  await addQueuedBatch(db, workspaceId, [10, 10]);
  const workers = [await addWorker(db), await addWorker(db), await addWorker(db)];
  const arrivals: Record<CallKind, number[]> = { text: [], image: [] };
  let held: HeldCall[] = [];
  let passed = 0;
  /** The database's clock: the real time plus the time that the history has passed. */
  const now = () => performance.now() + passed;

  async function pass(ms: number): Promise<void> {
    passed += ms;
    const by = sql`make_interval(secs => ${ms} / 1000.0)`;
    await db.orm.execute(sql`
      update cta.ai_calls set claimed_at = claimed_at - ${by}, left_at = left_at - ${by}, ended_at = ended_at - ${by}`);
    await db.orm.execute(sql`
      update cta.call_limits set failing_since = failing_since - ${by}, probe_after = probe_after - ${by}`);
    await db.orm.execute(
      sql`update cta_jobs.job set start_after = start_after - ${by} where state < 'active'`,
    );
  }
  /** The request reaches the provider. This checks the model's only rule. */
  function arrive(one: HeldCall): void {
    one.sent = true;
    const times = arrivals[one.call.kind];
    times.push(now());
    const within = times.filter((at) => at > now() - WINDOW_MS).length;
    expect(within, `${one.call.kind} calls in ${WINDOW_MS} ms`).toBeLessThanOrEqual(MAX_CALLS);
  }
  const drop = (one: HeldCall) => {
    held = held.filter((other) => other !== one);
  };
  const fail = async (one: HeldCall, code: ErrorCode) => {
    drop(one);
    await settleCallFailure(db.deps, one.call, new AppError(code));
  };

  for (const step of history) {
    if (step.do === 'pass') await pass(step.ms);
    else if (step.do === 'jump') vi.setSystemTime(Date.now() + step.ms);
    else if (step.do === 'claim') {
      const claimedAt = now();
      const calls = await claim(db, workers[step.worker] ?? '', step.limit);
      held.push(...calls.map((call) => ({ call, claimedAt, sent: false })));
    } else if (step.do === 'kill') {
      const workerId = workers[step.worker] ?? '';
      const lost = held.filter((one) => one.call.workerId === workerId);
      for (const one of lost) {
        if (step.haveLeft && !one.sent && now() - one.claimedAt < SEND_WITHIN_MS) arrive(one);
        drop(one);
      }
      await pass(step.afterMs);
      await rescueWork(db.deps, workerId);
      workers[step.worker] = await addWorker(db);
    } else {
      const waiting = held.filter((one) => one.sent === (step.do !== 'send'));
      const one = waiting[step.nth % Math.max(waiting.length, 1)];
      if (!one) continue;
      if (step.do === 'answer') {
        drop(one);
        if ((await answer(db, one.call)) === 'in_time') await createAnswerSettler(db.deps).settle(one.call);
      } else if (step.do === 'fail') await fail(one, step.code);
      // A worker does not send a call that it has held too long.
      else if (now() - one.claimedAt >= SEND_WITHIN_MS) await fail(one, 'slot_expired');
      else {
        arrive(one);
        await pass(step.stallMs);
        await recordDeparture(db.orm, one.call.callId);
      }
    }
  }

  // No slot is lost either: once all calls have ended, every slot is free one window and one guard
  // interval later.
  for (const one of held) await fail(one, one.sent ? 'ai_timeout' : 'slot_expired');
  await pass(WINDOW_MS + SLOT_GUARD_MS);
  await db.orm.execute(
    sql`update cta.call_limits set failing_since = null, failing_code = null, probe_after = null`,
  );
  const slots = await db.transact(lockSlots);
  for (const kind of CALL_KINDS) expect(slots[kind].free).toBe(MAX_CALLS);
}

test('no history of starts, retries, stalls, kills and wrong clocks exceeds the limit in any window', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  await fc.assert(fc.asyncProperty(steps, play), { numRuns: 50, endOnFailure: true });
}, 360_000);
