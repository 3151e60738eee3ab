import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { QueuePosition } from '../../src/previews/forecast.ts';
import { loadQueuePositions } from '../../src/previews/load-queue-positions.ts';
import { loadQueueSegments } from '../../src/previews/load-queue-segments.ts';
import { poll } from '../support/poll.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/** Enough for several segments of each queue. */
const QUEUED = 1700;
const PAGES = 330;

let db: TestDatabase | undefined;
let workspaceId: string;
/** Opens a new database for each test, because the segments are cached per database. */
async function open(): Promise<TestDatabase> {
  await db?.drop();
  db = undefined;
  db = await openTestDatabase();
  return db;
}
beforeEach(async () => {
  const { orm, addWorkspace } = await open();
  ({ workspaceId } = await addWorkspace('one'));
  await orm.execute(sql`
    insert into cta.batches (id, workspace_id, task_id)
    values (gen_random_uuid(), ${workspaceId}, gen_random_uuid())`);
  // Some are being read. Many have the same tag, so that one of them does not fit into a segment.
  await orm.execute(sql`
    insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status, fair_tag)
    select gen_random_uuid(), b.workspace_id, b.id, n, 'https://shop.example/' || n, 5,
      case when n % 60 = 0 then 'running' else 'pending' end, case when n < 110 then 7 else (n * 37) % 90 end
    from cta.batches b, generate_series(1, ${PAGES}) n`);
  await orm.execute(sql`
    insert into cta.previews (id, workspace_id, batch_id, source_id, position, status)
    select gen_random_uuid(), s.workspace_id, s.batch_id, s.id, n, 'pending'
    from cta.sources s, generate_series(0, 4) n where (s.position + n) % 4 <> 0`);
  await queue(QUEUED);
});
afterAll(() => db?.drop());

/** Queues previews. Some have a step that will be retried, and many share a tag. */
async function queue(count: number, firstTag = 0): Promise<void> {
  await db?.orm.execute(sql`
    with source as (
      insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status)
      select gen_random_uuid(), workspace_id, id, (select max(position) + 1 from cta.sources), 'https://shop.example/', 5, 'done'
      from cta.batches returning *
    )
    insert into cta.previews (id, workspace_id, batch_id, source_id, position, status, fair_tag, queued_at, retry_at, next_step)
    select gen_random_uuid(), workspace_id, batch_id, id, n, 'queued', ${firstTag}::int + (n * 53) % 400,
      now() + make_interval(secs => n % 7), case when n % 5 = 0 then now() + make_interval(secs => n % 11) end,
      case n % 9 when 1 then 'text' when 2 then 'image' end
    from source, generate_series(1, ${count}::int) n`);
}

/** The same as plain code: ranks both queues completely, one behind the other. */
async function rankAll({ orm }: TestDatabase): Promise<Map<string, QueuePosition>> {
  interface Row extends Record<string, unknown> {
    readonly id: string;
    readonly status: string;
    readonly next_step: string | null;
    readonly retry_at: string | null;
    readonly source_id: string;
  }
  const { rows } = await orm.execute<Row>(sql`
    select p.id, p.status, p.next_step, p.source_id, p.retry_at::text from cta.previews p join cta.sources s on s.id = p.source_id
    where p.status in ('queued', 'pending')
    order by p.status = 'pending', s.status = 'pending',
      case when p.status = 'queued' then p.fair_tag else s.fair_tag end,
      case when p.status = 'queued' then coalesce(p.retry_at, p.queued_at) else s.created_at end,
      case when p.status = 'queued' then p.id else s.id end, p.position`);
  const calls = { text: 0, image: 0 };
  const pages = new Set<string>();
  return new Map(
    rows.map((row, i) => {
      const wantsText = row.next_step !== 'image';
      const wantsImage = row.next_step !== 'text';
      if (wantsText) calls.text += 1;
      if (wantsImage) calls.image += 1;
      const isQueued = row.status === 'queued';
      if (!isQueued) pages.add(row.source_id);
      return [
        row.id,
        {
          position: i + 1,
          calls: { text: wantsText ? calls.text : 0, image: wantsImage ? calls.image : 0 },
          retryAt: row.retry_at === null ? null : new Date(row.retry_at),
          pages: isQueued ? null : pages.size,
        },
      ];
    }),
  );
}

/** Asks for the previews at these positions of all waiting ones. */
async function loadPositions(
  database: Pick<TestDatabase, 'orm'>,
  ranked: Map<string, QueuePosition>,
  positions: number[],
) {
  const all = [...ranked];
  const asked = positions.map((position) => all.at(position < 0 ? position : position - 1)?.[0] ?? '');
  const queued = asked.filter((id) => ranked.get(id)?.pages === null);
  const pending = asked.filter((id) => !queued.includes(id));
  const places = await loadQueuePositions(database.orm, { queued, pending });
  expect(places.size).toBe(asked.length);
  const expected = new Map(asked.map((id) => [id, ranked.get(id)]));
  return { places, expected };
}

const current = (): TestDatabase => {
  if (!db) throw new Error('no database');
  return db;
};

test('a long line that is ranked in parts gives the places of one that is ranked as a whole', async () => {
  const ranked = await rankAll(current());
  for (const status of ['queued', 'pending'] as const)
    expect((await loadQueueSegments(current().orm, status)).length).toBeGreaterThan(2);
  const all = [...ranked.keys()].map((_, i) => i + 1);
  const together = await loadPositions(current(), ranked, all);
  expect(together.places).toEqual(together.expected);
  for (const one of [[1], [QUEUED], [QUEUED + 1], [-1], [3, 900, QUEUED + 700]]) {
    const { places, expected } = await loadPositions(current(), ranked, one);
    expect(places).toEqual(expected);
  }
});

test('who is queued or gone since the line was cut: a place at once, all the places soon', async () => {
  const before = await rankAll(current());
  await loadPositions(current(), before, [1, -1]);
  // The first ones start, and others join in the middle and at the end of the queue.
  const started = [...before.keys()].slice(0, 20);
  await current().orm.execute(sql`
    update cta.previews set status = 'running' where id in (${sql.join(
      started.map((id) => sql`${id}::uuid`),
      sql`, `,
    )})`);
  await queue(30, 1000);
  await queue(30);
  const after = await rankAll(current());
  expect((await loadQueuePositions(current().orm, { queued: started, pending: [] })).size).toBe(0);
  const all = [...after.keys()].map((_, i) => i + 1);
  const first = await loadPositions(current(), after, [1, 2, 3]);
  expect(first.places).toEqual(first.expected);
  await poll(
    () => loadPositions(current(), after, all),
    ({ places, expected }) =>
      [...expected].every(([id, place]) => places.get(id)?.position === place?.position),
    { timeoutMs: 20_000 },
  );
  const { places, expected } = await loadPositions(current(), after, all);
  expect(places).toEqual(expected);
});

test('many who ask at once have the lines cut once', async () => {
  const ranked = await rankAll(current());
  const pool = new Pool({ connectionString: current().url, max: 5 });
  const cuts: string[] = [];
  const logger = {
    logQuery(query: string) {
      if (query.includes('group by')) cuts.push(query);
    },
  };
  const orm = drizzle(pool, { logger });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => loadPositions({ orm }, ranked, [1 + i * 50, QUEUED + 1 + i * 30])),
  );
  await pool.end();
  for (const { places, expected } of answers) expect(places).toEqual(expected);
  expect(cuts).toHaveLength(2);
});
