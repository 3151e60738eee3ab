import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findPeakWindow } from '../../src/ai-calls/find-peak-window.ts';
import { pickPeak, searchWindows } from '../../src/ai-calls/search-windows.ts';
import { storePeakWindow } from '../../src/ai-calls/store-peak-window.ts';
import { aiCalls, worstWindows } from '../../src/db/schema/ai-calls.ts';
import { createId } from '../../src/lib/ids.ts';
import { runHousekeeping } from '../../src/steps/run-housekeeping.ts';
import { quietLog } from '../support/quiet-log.ts';
import { providers } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const MINUTE_MS = 60_000;
const WINDOWS = [1000, MINUTE_MS, 60 * MINUTE_MS];

let db: TestDatabase;
/** The start of the test on the database's clock. */
let start: Date;
beforeAll(async () => {
  db = await openTestDatabase({ rate: '20/m' });
});
beforeEach(async () => {
  await db.orm.delete(aiCalls);
  await db.orm.delete(worstWindows);
  const { rows } = await db.orm.execute<{ now: string }>(sql`select clock_timestamp()::text as now`);
  start = new Date(rows[0]?.now ?? '');
});
afterAll(() => db.drop());

/** Adds calls that leave, by default now. */
async function leave(
  count: number,
  call: { counted?: boolean; kind?: 'text' | 'image'; at?: Date } = {},
): Promise<void> {
  const { counted = true, kind = 'text', at = start } = call;
  const row = { kind, counted, generation: 1, attempt: 1, status: 'failed', errorCode: 'ai_refused' };
  const moments = { claimedAt: at, leftAt: at, endedAt: at };
  await db.orm
    .insert(aiCalls)
    .values(Array.from({ length: count }, () => ({ id: createId(), ...row, ...moments, ...providers.text })));
}

/** Lets time pass by making everything older. */
async function pass(ms: number): Promise<void> {
  const by = sql`make_interval(secs => ${ms} / 1000.0)`;
  await db.orm.execute(sql`update cta.ai_calls set left_at = left_at - ${by}, ended_at = ended_at - ${by}`);
  await db.orm.execute(sql`
    update cta.worst_windows
    set first_left_at = first_left_at - ${by}, last_left_at = last_left_at - ${by}, until = until - ${by}`);
}

/**
 * The limit as plain code: for each call, counts the calls in the window that ends with it. Returns
 * the last of the fullest windows.
 */
function countPeak(times: readonly number[], windowMs: number) {
  return times
    .map((to) => {
      const within = times.filter((at) => at > to - windowMs && at <= to);
      return { calls: within.length, from: Math.min(...within), to };
    })
    .reduce<{ calls: number; from: number; to: number } | null>(
      (peak, window) => (peak && peak.calls > window.calls ? peak : window),
      null,
    );
}

type Step =
  | { readonly do: 'leave'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'keep' | 'look'; readonly windowMs: number };

const aWindow = fc.constantFrom(...WINDOWS);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('leave' as const), count: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.oneof(
          fc.nat(3000),
          fc.nat(2 * MINUTE_MS),
          fc.nat(90 * MINUTE_MS),
          aWindow,
          aWindow.map((ms) => ms - 1),
          fc.constantFrom(10 * MINUTE_MS - 500, 10 * MINUTE_MS, 11 * MINUTE_MS),
        ),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('keep' as const, 'look'), windowMs: aWindow }) },
  ),
  { minLength: 10, maxLength: 50 },
);

async function play(history: readonly Step[]): Promise<void> {
  await db.orm.delete(aiCalls);
  await db.orm.delete(worstWindows);
  const times: number[] = [];
  let now = 0;
  const findPeak = async (windowMs: number) => {
    const peak = await findPeakWindow(db.orm, { kind: 'text', windowMs });
    const shown = peak && {
      calls: peak.calls,
      from: peak.from.getTime() - start.getTime() + now,
      to: peak.to.getTime() - start.getTime() + now,
    };
    expect(shown).toEqual(countPeak(times, windowMs));
  };
  for (const step of history) {
    if (step.do === 'pass') {
      now += step.ms;
      await pass(step.ms);
    } else if (step.do === 'leave') {
      times.push(...Array.from({ length: step.count }, () => now));
      await leave(step.count);
      // Neither of these takes a slot of this kind.
      await leave(9, { counted: false });
      await leave(9, { kind: 'image' });
    } else if (step.do === 'keep') await storePeakWindow(db.orm, { kind: 'text', windowMs: step.windowMs });
    else await findPeak(step.windowMs);
  }
  for (const windowMs of WINDOWS) await findPeak(windowMs);
}

test('whenever one keeps and looks, a look says what counting the whole ledger says', async () => {
  await fc.assert(fc.asyncProperty(steps, play), { numRuns: 60, endOnFailure: true });
}, 360_000);

test('the ledger may be cut at any moment, and nothing is lost at the cut', async () => {
  const which = { kind: 'text', windowMs: 1000 } as const;
  const gaps = fc.array(fc.constantFrom(0, 1, 2, 998, 999, 1000, 1001), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(gaps, async (history) => {
      await db.orm.delete(aiCalls);
      const cutPoints: number[] = [];
      let at = start.getTime();
      for (const gap of history) {
        at += gap;
        cutPoints.push(at - 1, at, at + 1);
        await leave(1, { at: new Date(at) });
      }
      const whole = await searchWindows(db.orm, which, { from: null, until: null });
      for (const cut of new Set(cutPoints)) {
        const earlier = await searchWindows(db.orm, which, { from: null, until: new Date(cut) });
        const later = await searchWindows(db.orm, which, { from: new Date(cut), until: null });
        expect(pickPeak(earlier, later)).toEqual(whole);
      }
    }),
    { numRuns: 30, endOnFailure: true },
  );
}, 180_000);

const keep = () =>
  runHousekeeping({ ...db.deps, log: quietLog, retention: { batchesMs: null, callsMs: 86_400_000 } }).run(
    {},
    new AbortController().signal,
  );
const findPeak = (windowMs = MINUTE_MS) => findPeakWindow(db.orm, { kind: 'text', windowMs });

test('the fullest window stays on record when its calls are deleted', async () => {
  await leave(7);
  await pass(30_000);
  await leave(5);
  await pass(3 * 86_400_000);
  await keep();
  expect(await db.orm.select().from(aiCalls)).toEqual([]);
  await leave(6);
  const to = new Date(start.getTime() - 3 * 86_400_000);
  const record = { calls: 12, from: new Date(to.getTime() - 30_000), to };
  expect(await findPeak()).toEqual(record);
  // The peak also stays when housekeeping has more to add.
  await pass(3600_000);
  await keep();
  expect((await findPeak())?.calls).toBe(12);
  // Nothing was stored for a window of another length.
  expect((await findPeak(1000))?.calls).toBe(6);
});

test('what housekeeping has gone over is not gone over again', async () => {
  await leave(3);
  await pass(3600_000);
  await keep();
  // In reality no call leaves in the past. If these calls counted, the whole ledger would have been
  // searched.
  await leave(9);
  await db.orm.execute(
    sql`update cta.ai_calls set left_at = left_at - interval '1 hour' where left_at = ${start}`,
  );
  expect((await findPeak())?.calls).toBe(3);
});
