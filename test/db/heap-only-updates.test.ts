import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patchPreview } from '../../src/previews/patch-preview.ts';
import { registerWorker, type WorkerSession } from '../../src/workers/register-worker.ts';
import { sendHeartbeat } from '../../src/workers/send-heartbeat.ts';
import { recordStarts } from '../../src/workspaces/start-tags.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/* Updates that are frequent, or of wide rows, must write no index. */

const UPDATES = 30;

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.drop());

/** Returns how many updates of a table there were, and how many of them were heap-only. */
async function countUpdates(table: string): Promise<{ all: number; heapOnly: number }> {
  const { rows } = await db.orm.execute<{ all: number; heap_only: number }>(sql`
    select n_tup_upd::int as all, n_tup_hot_upd::int as heap_only from pg_stat_user_tables
    where schemaname = 'cta' and relname = ${table}`);
  return { all: rows[0]?.all ?? 0, heapOnly: rows[0]?.heap_only ?? 0 };
}

async function shareOfHeapOnly(table: string, update: (i: number) => Promise<unknown>): Promise<number> {
  const before = await countUpdates(table);
  for (let i = 0; i < UPDATES; i += 1) await update(i);
  const after = await poll(
    () => countUpdates(table),
    ({ all }) => all >= before.all + UPDATES,
    { timeoutMs: 60_000 },
  );
  return (after.heapOnly - before.heapOnly) / (after.all - before.all);
}

test('heartbeats, turns, virtual times and edits are heap-only', async () => {
  const session: WorkerSession = {
    query: async (text, values) => (await db.orm.$client.query(text, values)).rows,
  };
  const worker = await registerWorker(session, { capacity: 1 });
  const workerId = await addWorker(db);
  const { workspaceId } = await db.addWorkspace('one');
  await addQueuedBatch(db, workspaceId, [1]);
  const calls = await claim(db, workerId);
  await finish(db, calls);
  const [{ previewId: id } = expect.unreachable()] = calls;
  const start = (startTag: number) =>
    db.transact((tx) => recordStarts(tx, 'previews', [{ workspaceId, startTag: startTag + 100 }]));
  const shares = {
    workers: await shareOfHeapOnly('workers', () => sendHeartbeat(session, worker)),
    turns: await shareOfHeapOnly('turns', start),
    virtual_times: await shareOfHeapOnly('virtual_times', (i) => start(i + 100)),
    previews: await shareOfHeapOnly('previews', (i) =>
      patchPreview(db.deps, {
        workspaceId,
        id,
        baseUrl: 'https://cta.example',
        patch: { headline: `Edit ${i}` },
      }),
    ),
  };
  // An update that finds its page full is not heap-only, whatever its columns.
  for (const [table, share] of Object.entries(shares)) expect(share, table).toBeGreaterThan(0.7);
});
