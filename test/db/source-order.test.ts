import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel-batch.ts';
import { createBatch } from '../../src/batches/create-batch.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { type ClaimedSource, claimSources } from '../../src/pipeline/claim-sources.ts';
import { settleSourceFailure } from '../../src/pipeline/settle-source-failure.ts';
import { startPoller } from '../../src/queue/poller.ts';
import { PAGES_AT_ONCE, PAGES_IN_RESERVE } from '../../src/workers/worker.ts';
import { poll } from '../support/poll.ts';
import { quietLog } from '../support/quiet-log.ts';
import { addWorker } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workerId: string;
let one: string;
let two: string;
let three: string;
beforeEach(async () => {
  db = await openTestDatabase();
  workerId = await addWorker(db);
  const add = async (name: string) => (await db.addWorkspace(name)).workspaceId;
  [one, two, three] = [await add('one'), await add('two'), await add('three')];
});
afterEach(() => db.drop());

function submit(workspaceId: string, pages: number) {
  const sources = Array.from({ length: pages }, (_, i) => ({
    url: `https://shop.example/${i}`,
    batchSize: 1,
  }));
  return createBatch(db.deps, { workspaceId, batch: { sources } });
}

/** Claims one page after the other, and returns them in that order. */
async function claimInOrder(count: number): Promise<ClaimedSource[]> {
  const claimed: ClaimedSource[] = [];
  for (let i = 0; i < count; i += 1)
    claimed.push(...(await claimSources(db.deps, { workerId, limit: 1 })).work);
  return claimed;
}

test('reads the page of a new workspace within as many readings as workspaces wait', async () => {
  for (let i = 0; i < 6; i += 1) await submit(one, 5);
  for (let i = 0; i < 3; i += 1) await submit(two, 5);
  await claimInOrder(7);
  await submit(three, 2);
  const next = (await claimInOrder(6)).map((source) => source.workspaceId);
  expect(next.slice(0, 3)).toContain(three);
  expect(next.filter((id) => id === three)).toHaveLength(2);
});

test('a workspace that submits repeatedly gets one reading per round', async () => {
  for (let i = 0; i < 4; i += 1) await submit(one, 5);
  const order: string[] = [];
  for (let i = 0; i < 12; i += 1) {
    await submit(two, 1);
    order.push(...(await claimInOrder(1)).map((source) => source.workspaceId));
  }
  const turns = order.filter((id) => id === one).length;
  expect(turns).toBeGreaterThanOrEqual(5);
  expect(turns).toBeLessThanOrEqual(7);
});

test('reads the pages of one workspace in the order of their submission', async () => {
  const first = await submit(one, 3);
  const second = await submit(one, 2);
  const ids = [...first.sources, ...second.sources].map((source) => source.id);
  expect((await claimInOrder(5)).map((source) => source.sourceId)).toEqual(ids);
});

test('batches created at the same time get different start tags', async () => {
  await Promise.all([submit(one, 5), submit(one, 5), submit(one, 5), submit(two, 5), submit(two, 5)]);
  const order = (await claimInOrder(20)).map((source) => source.workspaceId);
  expect(order.filter((id) => id === two).length).toBeGreaterThanOrEqual(9);
});

test('canceled pages do not delay later ones, and a retried page keeps its start tag', async () => {
  const cancelled = await Promise.all(Array.from({ length: 4 }, () => submit(one, 5)));
  for (const { id } of cancelled) await cancelBatch(db.deps, { workspaceId: one, id });
  await submit(two, 5);
  await submit(one, 1);
  const [first, second] = await claimInOrder(22);
  expect([first?.workspaceId, second?.workspaceId]).toContain(one);
});

test('a page whose reading failed does not wait behind all later pages', async () => {
  await submit(one, 2);
  const [source] = await claimInOrder(1);
  if (!source) throw new Error('nothing was claimed');
  await settleSourceFailure(db.deps, source, new AppError('page_failed'));
  for (let i = 0; i < 3; i += 1) await submit(one, 5);
  await db.orm.execute(sql`update cta_jobs.job set start_after = now() where state < 'active'`);
  expect((await claimInOrder(1))[0]?.sourceId).toBe(source.sourceId);
});

test('endless pages delay only their own workspace', async () => {
  for (let i = 0; i < 4; i += 1) await submit(one, 5);
  const running = new Map<ClaimedSource, () => void>();
  const of = (workspaceId: string) => [...running.keys()].filter((page) => page.workspaceId === workspaceId);
  const poller = startPoller<ClaimedSource>({
    name: 'sources',
    capacity: PAGES_AT_ONCE,
    reserve: PAGES_IN_RESERVE,
    ownerOf: (page) => page.workspaceId,
    claim: (limit, without) => claimSources(db.deps, { workerId, limit, without }),
    run: (page) => new Promise<void>((resolve) => void running.set(page, resolve)),
    pollMs: 50,
    log: quietLog,
  });
  onTestFinished(async () => {
    for (const end of running.values()) end();
    await poller.stop();
  });
  await poll(
    async () => of(one).length,
    (count) => count === PAGES_AT_ONCE,
  );
  await Promise.all([submit(two, 3), submit(three, 1)]);
  await poll(
    async () => of(two).length + of(three).length,
    (count) => count === 2,
  );
  // One page each: a workspace with one slot waits for its own page to end.
  expect([of(one), of(two), of(three)].map(({ length }) => length)).toEqual([PAGES_AT_ONCE, 1, 1]);
  const [page] = of(two);
  running.get(page as ClaimedSource)?.();
  running.delete(page as ClaimedSource);
  await poll(
    async () => of(two).length,
    (count) => count === 1,
  );
  expect(of(one)).toHaveLength(PAGES_AT_ONCE);
});
