import { eq } from 'drizzle-orm';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { batches } from '../../src/db/schema/batches.ts';
import { lockBatches } from '../../src/pipeline/lock-batches.ts';
import { CHANGE_CHANNEL, notifyChanges } from '../../src/pipeline/notify-changes.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let workspaceId: string;
const heard: string[] = [];
beforeAll(async () => {
  db = await openTestDatabase();
  ({ workspaceId } = await db.addWorkspace('one'));
  await db.listen({ [CHANGE_CHANNEL]: (id) => heard.push(id) }, () => {});
});
afterAll(() => db.drop());

/**
 * A process as far as it notifies, and when it has sent each notification. `fail` is thrown
 * instead.
 */
function openNotifier() {
  const database = openDatabase({ url: db.url, poolSize: 3, applicationName: 'notifier' });
  const pool = database.orm.$client as Pool;
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
  const state: { sentAt: number[]; fail?: Error } = { sentAt: [] };
  Object.assign(pool, {
    async query(...args: unknown[]) {
      if ((args[0] as { name?: string }).name === 'notify_change') {
        if (state.fail) throw state.fail;
        state.sentAt.push(performance.now());
      }
      return query(...args);
    },
  });
  const stop = notifyChanges(database);
  onTestFinished(async () => {
    await stop();
    await database.close();
  });
  return { database, state, stop };
}

const addBatch = async () => (await addQueuedBatch(db, workspaceId, [1])).id;
const change = (database: Database, id: string) => database.transact((tx) => lockBatches(tx, [id]));
const heardOf = (id: string) => heard.filter((one) => one === id).length;
const hears = (id: string, count: number) =>
  poll(
    async () => heardOf(id),
    (times) => times >= count,
  );

test('notifies of a batch at most once in 250 ms, and always after its last change', async () => {
  const id = await addBatch();
  const { database, state, stop } = openNotifier();
  let changes = 0;
  for (; state.sentAt.length < 4; changes += 1) await change(database, id);
  const last = performance.now();
  await change(database, id);
  await stop();
  const gaps = state.sentAt.slice(1).map((at, i) => at - (state.sentAt[i] ?? 0));
  // Timers may fire a little early.
  expect(Math.min(...gaps)).toBeGreaterThan(240);
  expect(state.sentAt.at(-1)).toBeGreaterThan(last);
  expect(changes).toBeGreaterThan(state.sentAt.length);
  await hears(id, state.sentAt.length);
});

test('sends a notification later if the database was unavailable', async () => {
  const id = await addBatch();
  const { database, state } = openNotifier();
  state.fail = Object.assign(new Error('gone'), { code: 'ECONNRESET' });
  await change(database, id);
  delete state.fail;
  await hears(id, 1);
});

test('tolerates changes without a notification, and deleted batches', async () => {
  const id = await addBatch();
  await change(db, id);
  expect(heardOf(id)).toBe(0);
  const { database, stop } = openNotifier();
  await change(database, id);
  await change(database, id);
  await db.orm.delete(batches).where(eq(batches.id, id));
  await stop();
  await hears(id, 2);
});
