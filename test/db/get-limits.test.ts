import { eq, isNull, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { getLimits } from '../../src/ai-calls/get-limits.ts';
import { SLOT_GUARD_MS } from '../../src/ai-calls/lock-slots.ts';
import { pauseCalls } from '../../src/ai-calls/pause-calls.ts';
import { recordDeparture } from '../../src/ai-calls/record-departure.ts';
import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { aiCalls } from '../../src/db/schema/ai-calls.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { settleCallFailure } from '../../src/pipeline/settle-call-failure.ts';
import { addQueuedBatch, addWorker, claim } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workerId: string;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase({ rate: '3/m' });
  workerId = await addWorker(db);
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const textLimit = async () =>
  (await getLimits(db.deps, { wholeLedger: true })).kinds.find((kind) => kind.kind === 'text');
const recordAllDepartures = async () => {
  for (const { id } of await db.orm.select({ id: aiCalls.id }).from(aiCalls).where(isNull(aiCalls.leftAt)))
    await recordDeparture(db.orm, id);
};
const age = (seconds: number) =>
  db.orm.execute(sql`update cta.ai_calls set left_at = left_at - make_interval(secs => ${seconds})`);

test('reports all slots as free and no peak without any calls', async () => {
  expect(await getLimits(db.deps)).toMatchObject({
    rate: '3/m',
    kinds: [{ kind: 'image' }, { kind: 'text' }],
  });
  expect(await textLimit()).toEqual({
    kind: 'text',
    maxCalls: 3,
    windowMs: 60_000,
    taken: 0,
    free: 3,
    nextSlotAt: null,
    pausedUntil: null,
    breaker: { state: 'closed', since: null, code: null, message: null, nextProbeAt: null },
    worstWindow: null,
  });
});

test('reports the next slot a window and a guard after the first call left', async () => {
  await addQueuedBatch(db, workspaceId, [2, 3]);
  await claim(db, workerId);
  expect(await textLimit()).toMatchObject({ taken: 3, free: 0, worstWindow: null });
  await recordAllDepartures();
  await age(10);
  const limit = await textLimit();
  const [first] = await db.orm
    .select({ leftAt: aiCalls.leftAt })
    .from(aiCalls)
    .where(eq(aiCalls.kind, 'text'))
    .orderBy(aiCalls.leftAt);
  const after = (limit?.nextSlotAt?.getTime() ?? 0) - (first?.leftAt?.getTime() ?? 0);
  // The microseconds of the database may be rounded up in one value and down in the other.
  expect(Math.abs(after - (60_000 + SLOT_GUARD_MS))).toBeLessThanOrEqual(1);
  expect(limit?.worstWindow).toMatchObject({ calls: 3, from: expect.any(Date), to: expect.any(Date) });
});

test('reports the fullest window on record, and not the last one', async () => {
  await addQueuedBatch(db, workspaceId, [5, 5]);
  await setLimit(db, '5/m');
  await claim(db, workerId);
  await recordAllDepartures();
  await age(300);
  await setLimit(db, '2/m');
  await claim(db, workerId);
  await recordAllDepartures();
  expect((await textLimit())?.worstWindow?.calls).toBe(5);
  // Calls that are a whole window apart are never in the same window.
  await db.orm.execute(sql`
    update cta.ai_calls c set left_at = now() - interval '1 hour' + make_interval(secs => 60 * n.n)
    from (select id, row_number() over (partition by kind order by id) as n from cta.ai_calls) n where n.id = c.id`);
  expect((await textLimit())?.worstWindow?.calls).toBe(1);
  await db.orm.execute(
    sql`update cta.ai_calls set left_at = left_at - interval '1 ms' where left_at = (select max(left_at) from cta.ai_calls)`,
  );
  expect((await textLimit())?.worstWindow?.calls).toBe(2);
});

test('reports a pause, an open breaker, and a missing limit', async () => {
  await setLimit(db, 'off');
  await addQueuedBatch(db, workspaceId, [5]);
  for (const call of await claim(db, workerId))
    await settleCallFailure(db.deps, call, new AppError('ai_unauthorized'));
  await pauseCalls(db.orm, 90_000);
  const limit = await textLimit();
  expect(limit).toMatchObject({
    maxCalls: null,
    free: null,
    taken: 0,
    pausedUntil: expect.any(Date),
    breaker: {
      state: 'open',
      code: 'ai_unauthorized',
      message: expect.stringContaining('AI_API_KEY'),
      nextProbeAt: expect.any(Date),
    },
  });
  expect(limit?.nextSlotAt).toEqual(limit?.pausedUntil);
});

test('requests share a search for the fullest window for some seconds', async () => {
  await addQueuedBatch(db, workspaceId, [3]);
  const fullest = async () => (await getLimits(db.deps)).kinds.map((kind) => kind.worstWindow?.calls);
  expect(await fullest()).toEqual([undefined, undefined]);
  await claim(db, workerId);
  await recordAllDepartures();
  expect(await fullest()).toEqual([undefined, undefined]);
  expect((await textLimit())?.worstWindow?.calls).toBe(3);
});
