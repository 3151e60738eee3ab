import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { EXACT_POSITIONS, type QueuePosition } from '../../src/previews/forecast.ts';
import { loadQueuePositions } from '../../src/previews/load-queue-positions.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const PAGES = 330;

let db: TestDatabase | undefined;
let workspaceId: string;
/** Opens a new database for each test, because the sizes of queues are cached. */
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
  // Some are being read, and many have the same tag.
  await orm.execute(sql`
    insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status, worker_id, start_tag)
    select gen_random_uuid(), b.workspace_id, b.id, n, 'https://shop.example/' || n, 5,
      case when n % 60 = 0 then 'running' else 'pending' end, case when n % 60 = 0 then gen_random_uuid() end, case when n < 110 then 7 else (n * 37) % 90 end
    from cta.batches b, generate_series(1, ${PAGES}) n`);
  await orm.execute(sql`
    insert into cta.previews (id, workspace_id, batch_id, source_id, position, status)
    select gen_random_uuid(), s.workspace_id, s.batch_id, s.id, n, 'pending'
    from cta.sources s, generate_series(0, 4) n where (s.position + n) % 4 <> 0`);
});
afterAll(() => db?.drop());

/** Queues previews. Some have a step that will be retried, and many share a tag. */
async function queue(count: number, firstTag = 0): Promise<void> {
  await db?.orm.execute(sql`
    with source as (
      insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status, finished_at)
      select gen_random_uuid(), workspace_id, id, (select max(position) + 1 from cta.sources), 'https://shop.example/', 5,
        'done', now()
      from cta.batches returning *
    )
    insert into cta.previews (id, workspace_id, batch_id, source_id, position, status, start_tag, queued_at, retry_at, next_step)
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
      case when p.status = 'queued' then p.start_tag else s.start_tag end,
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
async function ask(
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

test('the first thousand positions are those of a queue that is ranked as a whole', async () => {
  await queue(600);
  const ranked = await rankAll(current());
  // The previews that wait for their pages follow the queued ones.
  const exact = [...ranked.keys()].map((_, i) => i + 1).slice(0, 600 + EXACT_POSITIONS);
  const together = await ask(current(), ranked, exact);
  expect(together.places).toEqual(together.expected);
  for (const one of [[1], [600], [601], [1600], [3, 400, 700]]) {
    const { places, expected } = await ask(current(), ranked, one);
    expect(places).toEqual(expected);
  }
});

test('later positions are estimated, and grow with the real ones', async () => {
  await queue(4000);
  const ranked = await rankAll(current());
  const positions = [1, 900, EXACT_POSITIONS, 1001, 1500, 2500, 3500, 4000];
  const { places, expected } = await ask(current(), ranked, positions);
  const pairs = [...expected].map(([id, place]) => ({
    real: place?.position ?? 0,
    shown: places.get(id)?.position ?? 0,
  }));
  for (const { real, shown } of pairs) {
    if (real <= EXACT_POSITIONS) expect(shown).toBe(real);
    else expect(shown).toBeGreaterThan(EXACT_POSITIONS);
    // The previews of this queue have evenly distributed tags.
    expect(Math.abs(shown - real), `${shown} for ${real}`).toBeLessThan(50);
  }
  // Previews whose pages are not read come after all that are queued.
  const behind = await ask(current(), ranked, [4001, 4500, 5000]);
  for (const [id, place] of behind.expected)
    expect(Math.abs((behind.places.get(id)?.position ?? 0) - (place?.position ?? 0))).toBeLessThan(50);
});

test('a preview that starts has no position, and one that joins has one at once', async () => {
  await queue(300);
  const before = await rankAll(current());
  await ask(current(), before, [1, -1]);
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
  const { places, expected } = await ask(current(), after, [1, 2, 3, 200, 340]);
  expect(places).toEqual(expected);
});

test('many requests at once share one count of the queues', async () => {
  await queue(1100);
  const ranked = await rankAll(current());
  const pool = new Pool({ connectionString: current().url, max: 5 });
  const counts: string[] = [];
  const logger = {
    logQuery(query: string) {
      if (query.includes('last_tag')) counts.push(query);
    },
  };
  const orm = drizzle(pool, { logger });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask({ orm }, ranked, [1 + i * 30])));
  await pool.end();
  for (const { places, expected } of answers) expect(places).toEqual(expected);
  expect(counts).toHaveLength(1);
});

test('positions of more than a thousand pages are estimated, and grow with the real ones', async () => {
  const more = 2500;
  // Pages of unequal size, all after those of the other tests.
  await current().orm.execute(sql`
    insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status, start_tag)
    select gen_random_uuid(), workspace_id, id, 1000 + n, 'https://shop.example/', 1 + n % 3, 'pending', 100 + n
    from cta.batches, generate_series(1, ${more}::int) n`);
  await current().orm.execute(sql`
    insert into cta.previews (id, workspace_id, batch_id, source_id, position, status)
    select gen_random_uuid(), s.workspace_id, s.batch_id, s.id, n, 'pending'
    from cta.sources s, generate_series(0, 2) n where s.position > 1000 and n < s.batch_size`);
  const ranked = await rankAll(current());
  const { places, expected } = await ask(current(), ranked, [500, 1000, 1500, 2500, 3500, 4500, -1]);
  const pairs = [...expected].map(([id, place]) => [place, places.get(id)] as const);
  for (const [real, shown] of pairs) {
    if ((real?.position ?? 0) <= EXACT_POSITIONS) expect(shown).toEqual(real);
    if ((real?.pages ?? 0) <= EXACT_POSITIONS) expect(shown?.pages).toBe(real?.pages);
    // Final previews and unequal sizes of pages are not known to the estimate.
    const off = Math.abs((shown?.position ?? 0) - (real?.position ?? 0));
    expect(off, `${shown?.position} for ${real?.position}`).toBeLessThan(ranked.size / 4);
  }
  const shown = pairs.map(([, place]) => place?.position ?? 0);
  expect(shown).toEqual(shown.toSorted((a, b) => a - b));
  expect(shown.at(-1)).toBeGreaterThan(shown[3] ?? 0);
});
