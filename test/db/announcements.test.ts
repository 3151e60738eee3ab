import { eq, sql } from 'drizzle-orm';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { announcements } from '../../src/db/schema/announcements.ts';
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
  // Records each announcement with the time of the database.
  await db.orm.execute(sql`create table cta.said (batch_id uuid, at timestamptz)`);
  await db.orm.execute(sql`
    create function cta.note_said() returns trigger language plpgsql as $$ begin
      insert into cta.said values (new.batch_id, new.announced_at);
      return new;
    end $$`);
  await db.orm.execute(sql`
    create trigger note_said after insert or update on cta.announcements for each row execute function cta.note_said()`);
});
afterAll(() => db.drop());

/** Opens the parts of a process that announce, and counts its attempts to do so. */
function openAnnouncer() {
  const database = openDatabase({ url: db.url, poolSize: 3, applicationName: 'announcer' });
  const pool = database.orm.$client as Pool;
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
  const counted = { tries: 0, ended: 0 };
  Object.assign(pool, {
    async query(...args: unknown[]) {
      const isTry = (args[0] as { name?: string }).name === 'announce_change';
      if (isTry) counted.tries += 1;
      const answer = await query(...args);
      if (isTry) counted.ended += 1;
      return answer;
    },
  });
  const stop = notifyChanges(database);
  onTestFinished(async () => {
    await stop();
    await database.close();
  });
  return { database, counted, stop };
}

const addBatch = async () => (await addQueuedBatch(db, workspaceId, [1])).id;
const change = (database: Database, id: string) => database.transact((tx) => lockBatches(tx, [id]));
const heardOf = (id: string) => heard.filter((one) => one === id).length;
const setAnnounced = (id: string) =>
  db.orm
    .insert(announcements)
    .values({ batchId: id, announcedAt: sql`clock_timestamp()` })
    .onConflictDoUpdate({ target: announcements.batchId, set: { announcedAt: sql`clock_timestamp()` } });

const ended = (counted: { ended: number }, tries: number) =>
  poll(
    async () => counted.ended,
    (count) => count >= tries,
  );

/**
 * Returns the milliseconds between one announcement and the next, and from `moment` to the last
 * one.
 */
async function readSaid(id: string, moment: string) {
  const { rows } = await db.orm.execute<{ gap: number | null; after: number }>(sql`
    select extract(epoch from at - lag(at) over (order by at))::float8 * 1000 as gap,
      extract(epoch from at - ${moment}::timestamptz)::float8 * 1000 as after
    from cta.said where batch_id = ${id} order by at`);
  return { gaps: rows.flatMap(({ gap }) => gap ?? []), last: rows.at(-1)?.after ?? -1, count: rows.length };
}
async function now(): Promise<string> {
  const { rows } = await db.orm.execute<{ now: string }>(sql`select clock_timestamp()::text as now`);
  return rows[0]?.now ?? '';
}

test('two processes together announce a batch at most once in 250 ms, and its last change always', async () => {
  const id = await addBatch();
  const [one, two] = [openAnnouncer(), openAnnouncer()];
  while (one.counted.tries < 6) await Promise.all([change(one.database, id), change(two.database, id)]);
  const end = await now();
  await Promise.all([one.stop(), two.stop()]);
  const { gaps, last, count } = await readSaid(id, end);
  expect(last).toBeGreaterThan(0);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(250);
  await poll(
    async () => heardOf(id),
    (times) => times === count,
  );
  // Each process tries once per announcement by either process, and not once per change.
  expect(one.counted.tries + two.counted.tries).toBeLessThan(3 * (count + 2));
});

test('a change is not announced again when another process has announced after it', async () => {
  const { database, counted } = openAnnouncer();
  /**
   * Adds a batch whose first attempt was refused, and announces it as another process before the
   * second attempt. Repeats this if the machine is too slow.
   */
  async function addCovered(): Promise<string> {
    const id = await addBatch();
    await setAnnounced(id);
    const { tries } = counted;
    await change(database, id);
    await ended(counted, tries + 1);
    await setAnnounced(id);
    if (counted.tries === tries + 1 && (await readSaid(id, 'now')).count === 2) return id;
    // If the first attempt came late, it was not refused, and there is no second one.
    await poll(async () => counted.ended >= tries + 2 || heardOf(id) > 0, Boolean);
    return addCovered();
  }
  const id = await addCovered();
  await ended(counted, counted.tries + 1);
  expect((await readSaid(id, 'now')).count).toBe(2);
  expect(heardOf(id)).toBe(0);
  // A later change is announced.
  await change(database, id);
  await poll(
    async () => heardOf(id),
    (times) => times === 1,
  );
});

test('a process that stops announces first what it has still to', async () => {
  const id = await addBatch();
  const { database, stop } = openAnnouncer();
  await change(database, id);
  await change(database, id);
  const end = await now();
  await change(database, id);
  await stop();
  expect((await readSaid(id, end)).last).toBeGreaterThan(0);
});

test('of a batch that was deleted nothing is said, and nothing is left', async () => {
  const id = await addBatch();
  const { database, counted, stop } = openAnnouncer();
  await change(database, id);
  await ended(counted, 1);
  await change(database, id);
  await db.orm.delete(batches).where(eq(batches.id, id));
  await stop();
  expect(counted.ended).toBe(2);
  expect(await db.orm.select().from(announcements).where(eq(announcements.batchId, id))).toEqual([]);
});

test('the table is unlogged, and what is changed without a process that announces costs nothing', async () => {
  const id = await addBatch();
  await change(db, id);
  const { rows } = await db.orm.execute(
    sql`select relpersistence from pg_class where oid = 'cta.announcements'::regclass`,
  );
  expect(rows).toEqual([{ relpersistence: 'u' }]);
  expect(await db.orm.select().from(announcements).where(eq(announcements.batchId, id))).toEqual([]);
});
