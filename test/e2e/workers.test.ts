import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCtaBatchClient } from '../../src/client/index.ts';
import { poll } from '../support/poll.ts';
import type { Program } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld, type World } from '../support/start-world.ts';

let world: World;
let rest: ReturnType<typeof createRestClient>;
let api: Program;
let token: string;
beforeEach(async () => {
  world = await startWorld({ ai: { latencyMs: 300 }, env: { PREVIEW_RATE_LIMIT: '6/s' } });
  api = await world.start('api');
  ({ token } = await world.db.addWorkspace('one'));
  rest = createRestClient(api.address, token);
});
afterEach(() => world.end());

const products = (n: number, size: number) =>
  Array.from({ length: n }, (_, i) => ({ url: world.shop.productUrl(`product-${i}`), batch_size: size }));

test('two workers share one limit, and waiting previews are queued', async () => {
  await Promise.all([world.start('worker'), world.start('worker')]);
  const created = await rest.create(products(5, 6));
  // The same over tRPC, at the same time.
  const overTrpc = poll(
    () => createCtaBatchClient({ url: api.address, token }).batch.get.query({ id: created.id }),
    ({ status, progress: { total, ...counts } }) => {
      expect(Object.values(counts).reduce((a, b) => a + b)).toBe(total);
      return status === 'done';
    },
  );
  let sawBoth = false;
  const batch = await rest.follow(created.id, ({ progress }) => {
    const { queued = 0, running = 0 } = progress;
    if (queued > 0 && running > 0) sawBoth = true;
    expect(running).toBeLessThanOrEqual(12);
  });
  expect(batch).toMatchObject({ status: 'done', progress: { done: 30 } });
  expect(sawBoth).toBe(true);
  expect((await overTrpc).progress).toMatchObject({ total: 30, done: 30 });
  expect(world.ai.calls).toHaveLength(60);
  expect(world.ai.worstWindow('text', 1000)).toBeLessThanOrEqual(6);
  expect(world.ai.worstWindow('image', 1000)).toBeLessThanOrEqual(6);
});

test('no worker calls a provider during the pause that it requested', async () => {
  world.ai.setScript((index, kind) =>
    index === 0 && kind === 'text'
      ? { do: 'status', status: 429, headers: { 'retry-after': '2' } }
      : undefined,
  );
  await Promise.all([
    world.start('worker', { PREVIEW_RATE_LIMIT: 'off' }),
    world.start('worker', { PREVIEW_RATE_LIMIT: 'off' }),
  ]);
  const created = await rest.create(products(1, 1));
  // Both calls of the first preview have arrived, and the pause is known, so all later work must
  // respect it.
  await world.ai.waitForCalls(2);
  await poll(
    () => world.db.orm.execute(sql`select 1 from cta.call_limits where paused_until is not null`),
    ({ rows }) => rows.length > 0,
  );
  const late = await rest.create(products(4, 2));
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
  expect(await rest.follow(late.id)).toMatchObject({ status: 'done' });
  const refused = world.ai.calls.find((call) => call.status === 429);
  expect(refused).toBeDefined();
  const after = world.ai.calls.slice(2);
  expect(after).toHaveLength(1 + 2 * 8);
  for (const call of after) expect(call.at - (refused?.at ?? 0)).toBeGreaterThan(1900);
});

test('continues without a restart when PostgreSQL drops every connection', async () => {
  const worker = await world.start('worker');
  const created = await rest.create(products(2, 6));
  for (const calls of [2, 6, 10, 14, 18]) {
    await world.ai.waitForCalls(calls);
    await world.db.orm.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'cta-batch%' and pid <> pg_backend_pid()`);
  }
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 12 } });
  expect(worker.process.exitCode).toBeNull();
  expect(worker.output().stderr).not.toContain('marked dead');
  const { rows } = await world.db.orm.execute<{ n: number }>(
    sql`select count(*)::int as n from cta.ai_calls where status = 'answered'`,
  );
  expect(rows[0]?.n).toBe(24);
});
