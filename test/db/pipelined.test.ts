import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { pipelined } from '../../src/lib/pipelined.ts';
import { lockBatches, pipelinedUnderLock } from '../../src/pipeline/lock-batches.ts';
import { poll } from '../support/poll.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.drop());

/** Returns the texts of the statements that a transaction sends, in order. */
async function recordStatements(work: (tx: Tx) => Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  await db.transact(async (tx) => {
    const client = tx.$client;
    const query = client.query;
    client.query = ((...given: Parameters<typeof query>) => {
      const [config] = given as unknown as [string | { text: string }];
      texts.push(typeof config === 'string' ? config : config.text);
      return query.apply(client, given);
    }) as typeof query;
    await work(tx).finally(() => {
      client.query = query;
    });
  });
  return texts;
}

/** Returns the number of transactions that wait for a lock. */
async function countWaiting(): Promise<number> {
  const { rows } = await db.orm.execute<{ count: number }>(sql`
    select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return rows[0]?.count ?? 0;
}

const statement = (tx: Tx, n: number) => tx.execute(sql.raw(`select ${n}`));

test('sends statements and returns their results in the order of the list', async () => {
  let results: unknown;
  const texts = await recordStatements(async (tx) => {
    results = await pipelined(
      () => statement(tx, 1).then(({ rowCount }) => rowCount),
      async () => 'no statement',
      () => statement(tx, 2).then(({ rowCount }) => rowCount),
    );
  });
  expect(texts).toEqual(['select 1', 'select 2']);
  expect(results).toEqual([1, 'no statement', 1]);
});

test('keeps the place of only the first statement of a function that sends two', async () => {
  const texts = await recordStatements((tx) =>
    pipelined(
      () => statement(tx, 1).then(() => statement(tx, 3)),
      () => statement(tx, 2),
    ),
  );
  expect(texts).toEqual(['select 1', 'select 2', 'select 3']);
});

test('throws the error of the statement that failed first, after all have ended', async () => {
  let isEnded = false;
  const failing = db.transact((tx) =>
    pipelined(
      () => tx.execute(sql.raw('select 1')),
      () => tx.execute(sql.raw('select 1 / 0')),
      () =>
        tx.execute(sql.raw('select 2')).finally(() => {
          isEnded = true;
        }),
    ),
  );
  await expect(failing).rejects.toMatchObject({ cause: { code: '22012' } });
  expect(isEnded).toBe(true);
});

test('takes the batch lock with the first statement and runs the others under it', async () => {
  const { workspaceId } = await db.addWorkspace('locked');
  const { id } = await addQueuedBatch(db, workspaceId, [1]);
  const first = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = db.transact(async (tx) => {
    await lockBatches(tx, [id]);
    await tx.execute(sql`update cta.batches set name = 'held' where id = ${id}`);
    first.resolve();
    await release.promise;
  });
  await first.promise;
  let name: unknown;
  const recorded = recordStatements(async (tx) => {
    const [, { rows }] = await pipelinedUnderLock(tx, [id], (lock) => [
      () => lock.execute(sql`select name from cta.batches where id = ${id}`),
    ]);
    name = rows[0]?.name;
  });
  await poll(countWaiting, (count) => count === 1);
  release.resolve();
  await holder;
  const texts = await recorded;
  expect(texts[0]).toContain('for no key update');
  expect(name).toBe('held');
});
