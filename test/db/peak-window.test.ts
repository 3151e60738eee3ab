import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findPeakWindow } from '../../src/ai-calls/find-peak-window.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { createId } from '../../src/lib/ids.ts';
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
  const { rows } = await db.orm.execute<{ now: string }>(sql`select clock_timestamp()::text as now`);
  start = new Date(rows[0]?.now ?? '');
});
afterAll(() => db.drop());

/** Adds calls that left at the given times. */
async function leave(
  times: readonly Date[],
  { counted = true, kind = 'text' }: { counted?: boolean; kind?: 'text' | 'image' } = {},
): Promise<void> {
  const row = {
    kind,
    counted,
    generation: 1,
    attempt: 1,
    status: 'failed' as const,
    errorCode: 'ai_refused',
  };
  await db.orm.insert(aiCalls).values(
    times.map((at) => ({
      id: createId(),
      ...row,
      claimedAt: at,
      leftAt: at,
      endedAt: at,
      ...providers.text,
    })),
  );
}

async function find(windowMs: number) {
  const peak = await findPeakWindow(db.orm, { kind: 'text', windowMs });
  return peak && { calls: peak.calls, from: peak.from.getTime(), to: peak.to.getTime() };
}

/**
 * The same as plain code: for each call, counts the calls in the window that ends with it. Returns
 * the last of the fullest windows.
 */
function countFullest(times: readonly number[], windowMs: number) {
  return times
    .map((to) => {
      const within = times.filter((at) => at > to - windowMs && at <= to);
      return { calls: within.length, from: Math.min(...within), to };
    })
    .reduce<{ calls: number; from: number; to: number } | null>(
      (fullest, window) => (fullest && fullest.calls > window.calls ? fullest : window),
      null,
    );
}

const gaps = fc.array(
  fc.oneof(
    fc.nat(3000),
    fc.nat(2 * MINUTE_MS),
    fc.nat(90 * MINUTE_MS),
    fc.constantFrom(...WINDOWS.flatMap((ms) => [ms - 1, ms, ms + 1])),
  ),
  { minLength: 1, maxLength: 40 },
);

test('the fullest window is the one that counting each window of the ledger finds', async () => {
  await fc.assert(
    fc.asyncProperty(gaps, async (history) => {
      await db.orm.delete(aiCalls);
      let at = start.getTime();
      const times: number[] = [];
      for (const gap of history) {
        at += gap;
        times.push(at);
      }
      await leave(times.map((time) => new Date(time)));
      // Neither of these takes a slot of this kind.
      await leave(Array(9).fill(start), { counted: false });
      await leave(Array(9).fill(start), { kind: 'image' });
      for (const windowMs of WINDOWS) expect(await find(windowMs)).toEqual(countFullest(times, windowMs));
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 360_000);

test('only calls that left within the given time count', async () => {
  const ago = (minutes: number) => new Date(start.getTime() - minutes * MINUTE_MS);
  await leave([...Array(7).fill(ago(90)), ...Array(5).fill(ago(30))]);
  const count = async (sinceMs?: number) => {
    const which = { kind: 'text' as const, windowMs: MINUTE_MS };
    return (await findPeakWindow(db.orm, sinceMs === undefined ? which : { ...which, sinceMs }))?.calls;
  };
  expect([await count(), await count(60 * MINUTE_MS), await count(MINUTE_MS)]).toEqual([7, 5, undefined]);
});
