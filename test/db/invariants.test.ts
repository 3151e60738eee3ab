import { type SQL, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBatch } from '../../src/batches/create-batch.ts';
import { INVARIANTS } from '../../src/pipeline/invariants.ts';
import { addWebhook } from '../../src/webhooks/add-webhook.ts';
import { claimDeliveries } from '../../src/webhooks/claim-deliveries.ts';
import { recordResponse } from '../../src/webhooks/record-response.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workspaceId: string;
beforeEach(async () => {
  db = await openTestDatabase();
  ({ workspaceId } = await db.addWorkspace('one'));
});
afterEach(() => db.drop());

const invariant = (name: string) => {
  const found = INVARIANTS.find((one) => one.name === name);
  if (!found) throw new Error(`no invariant ${name}`);
  return found;
};

/** Returns the names of the broken invariants. */
async function broken(): Promise<string[]> {
  const names = [];
  for (const { name, find } of INVARIANTS) if ((await find(db.orm)).length > 0) names.push(name);
  return names;
}

const run = (query: SQL) => db.orm.execute(query);
const old = sql`clock_timestamp() - interval '2 days'`;
const jobs = async () =>
  (await run(sql`select name from cta_jobs.job where state < 'active' order by name`)).rows;

/**
 * Adds four batches: with waiting pages, with waiting previews, with calls in progress, and a
 * finished one that has a webhook delivery.
 */
async function fill(): Promise<void> {
  const workerId = await addWorker(db);
  await addWebhook(db, { workspaceId, url: 'https://hooks.example/in' });
  await addQueuedBatch(db, workspaceId, [2]);
  await finish(db, await claim(db, workerId, 2));
  await addQueuedBatch(db, workspaceId, [2]);
  await claim(db, workerId, 1);
  await createBatch(db.deps, {
    workspaceId,
    batch: { sources: [{ url: 'https://shop.example/a', batchSize: 2 }] },
  });
}

test('finds nothing while work is in progress', async () => {
  await fill();
  await run(sql`update cta.workers set seen_at = clock_timestamp()`);
  expect(await broken()).toEqual([]);
});

test.each<[name: string, ruin: SQL[]]>([
  ['waiting_pages', [sql`delete from cta_jobs.job where name = 'source.process'`]],
  ['waiting_previews', [sql`delete from cta_jobs.job where name = 'preview.generate'`]],
  [
    'running_previews',
    [
      sql`update cta.ai_calls set status = 'unknown', ended_at = ${old} where status = 'sent'`,
      sql`update cta.previews set updated_at = ${old} where status = 'running'`,
    ],
  ],
  [
    'unfinished_batches',
    [
      sql`update cta.previews set finished_at = ${old} where status = 'done'`,
      sql`update cta.batches set finished_at = null, created_at = ${old} where finished_at is not null`,
    ],
  ],
  ['waiting_deliveries', [sql`delete from cta_jobs.job where name = 'webhook.deliver'`]],
  ['finished_batches', [sql`update cta.batches set finished_at = clock_timestamp()`]],
  [
    'usage',
    [
      sql`update cta.ai_calls set ended_at = ${old} where status = 'answered'`,
      sql`update cta.previews set usage_calls = 0, updated_at = ${old} where status = 'done'`,
    ],
  ],
  [
    'orphan_assets',
    [
      sql`
        insert into cta.assets (id, workspace_id, key, sha256, content_type, width, height, bytes, used_at)
        select gen_random_uuid(), id, 'orphan', sha256('orphan'), 'image/png', 1, 1, 'orphan', ${old} from cta.workspaces`,
    ],
  ],
  [
    'work_of_the_dead',
    [
      sql`update cta.workers set died_at = clock_timestamp()`,
      sql`update cta.ai_calls set claimed_at = ${old} where status = 'sent'`,
    ],
  ],
])('%s: finds and repairs it', async (name, ruin) => {
  await fill();
  for (const query of ruin) await run(query);
  const { find, repair } = invariant(name);
  const rows = await find(db.orm);
  expect(rows).not.toEqual([]);
  await repair?.(db.deps, rows);
  expect(await find(db.orm)).toEqual([]);
});

test('requeues a page that was read while a preview still waits for it', async () => {
  await fill();
  await run(sql`update cta.sources set status = 'done', finished_at = now() where status = 'pending'`);
  await run(sql`delete from cta_jobs.job where name = 'source.process'`);
  const { find, repair } = invariant('read_pages');
  const rows = await find(db.orm);
  expect(rows).toHaveLength(1);
  await repair?.(db.deps, rows);
  expect(await find(db.orm)).toEqual([]);
  expect(await jobs()).toContainEqual({ name: 'source.process' });
});

test('does not change rows that were repaired in the meantime', async () => {
  await fill();
  await run(sql`delete from cta_jobs.job where name in ('source.process', 'preview.generate')`);
  const invariants = ['waiting_pages', 'waiting_previews'].map(invariant);
  const found = await Promise.all(invariants.map(({ find }) => find(db.orm)));
  for (const [i, { repair }] of invariants.entries()) await repair?.(db.deps, found[i] ?? []);
  const before = await jobs();
  for (const [i, { repair }] of invariants.entries()) await repair?.(db.deps, found[i] ?? []);
  expect(await jobs()).toEqual(before);
});

/** Returns the seconds until the jobs of deliveries are due. */
const deliveryDelays = async () => {
  const { rows } = await run(sql`
    select extract(epoch from start_after - clock_timestamp())::float8 as delay
    from cta_jobs.job where name = 'webhook.deliver' and state < 'active'`);
  return rows.map((row) => Number(row.delay));
};

test.each<[name: string, least: number, most: number, begin: () => Promise<unknown>]>([
  ['was not tried yet', -Infinity, 0, async () => {}],
  ['is being sent', 50, 70, () => claimDeliveries(db.deps, { limit: 1 })],
  [
    'is tried again later',
    3,
    11,
    async () => {
      const [claimed] = (await claimDeliveries(db.deps, { limit: 1 })).work;
      if (!claimed) throw new Error('nothing to deliver');
      await recordResponse(db.deps, claimed, { status: 500, error: null });
    },
  ],
])('restores the lost job of a delivery that %s, for its due time', async (_name, least, most, begin) => {
  await fill();
  await begin();
  expect(await broken()).not.toContain('waiting_deliveries');
  await run(sql`delete from cta_jobs.job where name = 'webhook.deliver'`);
  const { find, repair } = invariant('waiting_deliveries');
  const rows = await find(db.orm);
  expect(rows).toHaveLength(1);
  await repair?.(db.deps, rows);
  // A delivery that was repaired in the meantime gets no second job.
  await repair?.(db.deps, rows);
  const delays = await deliveryDelays();
  expect(delays).toHaveLength(1);
  expect(delays[0]).toBeGreaterThan(least);
  expect(delays[0]).toBeLessThanOrEqual(most);
});

test('removes only jobs that have no work', async () => {
  await fill();
  const created = await createBatch(db.deps, {
    workspaceId,
    batch: { sources: [{ url: 'https://shop.example/b', batchSize: 1 }] },
  });
  await run(sql`delete from cta.batches where id = ${created.id}`);
  const { find, repair } = invariant('jobs');
  const rows = await find(db.orm);
  expect(rows).toHaveLength(1);
  await repair?.(db.deps, rows);
  expect(await find(db.orm)).toEqual([]);
  // The jobs of waiting work still exist.
  expect(await broken()).toEqual([]);
});

test('has no repair for faults that need a person', async () => {
  await fill();
  const other = await db.addWorkspace('two');
  await run(sql`update cta.ai_calls set asset_id = null where status = 'answered' and kind = 'image'`);
  await run(sql`update cta.ai_calls set workspace_id = ${other.workspaceId} where kind = 'text'`);
  expect(await broken()).toEqual(['lost_backgrounds', 'workspaces']);
  expect([invariant('lost_backgrounds').repair, invariant('workspaces').repair]).toEqual([
    undefined,
    undefined,
  ]);
});
