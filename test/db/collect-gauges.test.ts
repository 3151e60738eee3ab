import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Orm } from '../../src/db/client.ts';
import { createId } from '../../src/lib/ids.ts';
import { collectGauges } from '../../src/main/collect-gauges.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase({ rate: '20/m' });
});
afterAll(() => db.drop());

const read = () => collectGauges({ database: db, queue: db.queue });

test('reports every stage and all slots as free for an empty database', async () => {
  expect(await read()).toEqual({
    stages: ['batch', 'page', 'preview', 'webhook'].map((stage) => ({ stage, jobs: 0, oldestSeconds: 0 })),
    kinds: ['image', 'text'].map((kind) => ({
      kind,
      slots: { taken: 0, free: 20 },
      isOpen: false,
      isPaused: false,
    })),
    workers: { alive: 0, capacity: 0, running: 0 },
  });
});

test('counts due jobs since their due time, but not delayed jobs', async () => {
  const preview = () => ({ payload: { batchId: createId(), previewId: createId() } });
  await db.transact(async (tx) => {
    await db.queue.enqueue(tx, 'preview.generate', [preview(), preview()]);
    await db.queue.enqueue(tx, 'preview.prefill', [{ ...preview(), delayMs: 600_000 }]);
    await db.queue.enqueue(tx, 'preview.background', [preview()]);
    await db.queue.enqueue(tx, 'webhook.deliver', [{ payload: { deliveryId: createId() } }]);
  });
  await db.orm.execute(sql`
    update cta_jobs.job set created_on = created_on - interval '1 hour', start_after = start_after - interval '90 s'
    where name = 'preview.background'`);
  const { stages } = await read();
  const find = (name: string) => stages.find(({ stage }) => stage === name);
  expect(find('preview')?.jobs).toBe(3);
  expect(find('preview')?.oldestSeconds).toBeGreaterThanOrEqual(90);
  expect(find('preview')?.oldestSeconds).toBeLessThan(3600);
  expect(find('webhook')?.jobs).toBe(1);
  expect(find('page')?.jobs).toBe(0);
});

test('scans neither the ledger nor settled jobs, even with many rows', async () => {
  await db.orm.execute(sql`
    insert into cta_jobs.job (name, state, created_on, started_on, completed_on, keep_until, policy)
    select 'preview.generate', 'completed', now(), now(), now(), now() + interval '1 day', 'standard'
    from generate_series(1, 60000)`);
  await db.orm.execute(sql`
    insert into cta.ai_calls (id, kind, generation, attempt, status, counted, claimed_at, left_at, ended_at, provider, model)
    select gen_random_uuid(), (array['text', 'image'])[1 + i % 2], 1, 1, 'answered', true, at, at, at, 'p', 'm'
    from generate_series(1, 60000) i, lateral (select now() - make_interval(secs => 120 + i) as at) moment`);
  await db.orm.execute(sql`vacuum analyze cta.ai_calls`);
  await db.orm.execute(sql`analyze cta_jobs.job`);
  const read = await db.transact(async (tx) => {
    await collectGauges({ database: { probeOrm: tx as unknown as Orm }, queue: db.queue });
    // Reads the server's statistics, for this transaction alone.
    const { rows } = await tx.execute<{ scans: number; fetched: number }>(sql`
      select sum(seq_scan)::int as scans, sum(coalesce(idx_tup_fetch, 0))::int as fetched
      from pg_stat_xact_user_tables where relname like 'job%' or relname = 'ai_calls'`);
    return rows[0];
  });
  expect(read?.scans).toBe(0);
  // The latest answers of each kind, and the jobs of the previous test.
  expect(read?.fetched).toBeLessThan(100);
});
