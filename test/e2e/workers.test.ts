import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCtaBatchClient } from '../../src/client/index.ts';
import { type FakeAi, startFakeAi } from '../fakes/fake-ai.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { poll } from '../support/poll.ts';
import { type Program, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
let shop: FakeShop;
let ai: FakeAi;
let api: Program;
let rest: ReturnType<typeof createRestClient>;
let token: string;
const programs: Program[] = [];
beforeEach(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  ai = await startFakeAi({ latencyMs: 300 });
  ({ token } = await db.addWorkspace('one'));
  api = await start('api');
  rest = createRestClient(api.address, token);
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop()));
  await ai.close();
  await shop.close();
  await db.drop();
});

async function start(role: 'api' | 'worker', more: Record<string, string> = {}): Promise<Program> {
  const program = await startProgram({
    args: ['start', '--role', role],
    env: {
      DATABASE_URL: db.url,
      FETCH_ALLOW_HOSTS: shop.host,
      AI_BASE_URL: ai.baseUrl,
      AI_API_KEY: 'fake',
      PREVIEW_RATE_LIMIT: '6/s',
      ...more,
    },
  });
  programs.push(program);
  return program;
}

const products = (n: number, size: number) =>
  Array.from({ length: n }, (_, i) => ({ url: shop.productUrl(`product-${i}`), batch_size: size }));

test('two workers keep the one limit, and what waits is queued', async () => {
  await Promise.all([start('worker'), start('worker')]);
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
  expect(ai.calls).toHaveLength(60);
  expect(ai.worstWindow('text', 1000)).toBeLessThanOrEqual(6);
  expect(ai.worstWindow('image', 1000)).toBeLessThanOrEqual(6);
});

test('a worker that is killed while calls are under way: another goes on, nothing is lost or bought twice', async () => {
  const [victim] = await Promise.all([start('worker'), start('worker')]);
  const created = await rest.create(products(3, 6));
  await ai.waitFor((calls) => calls.filter((call) => call.outcome === 'answered').length >= 6);
  const open = await poll(
    async () => {
      const { rows } = await db.orm.execute<{ n: number }>(
        sql`select count(*)::int as n from cta.ai_calls where status = 'sent'`,
      );
      return rows[0]?.n ?? 0;
    },
    (n) => n > 0,
  );
  expect(open).toBeGreaterThan(0);
  victim.process.kill('SIGKILL');
  const batch = await rest.follow(created.id);
  expect(batch).toMatchObject({ status: 'done', progress: { done: 18 } });
  // What was answered and stored is not bought again: a repeated key follows a call that was cut off.
  const { rows } = await db.orm.execute<{ unknown: number; answered: number }>(sql`
    select count(*) filter (where status = 'unknown')::int as unknown,
      count(*) filter (where status = 'answered')::int as answered
    from cta.ai_calls`);
  expect(rows[0]?.answered).toBe(36);
  expect(ai.calls.length).toBeLessThanOrEqual(36 + (rows[0]?.unknown ?? 0));
  expect(ai.worstWindow('text', 1000)).toBeLessThanOrEqual(6);
  expect(ai.worstWindow('image', 1000)).toBeLessThanOrEqual(6);
});

test('the only worker is killed three times: each next one goes on by itself', async () => {
  const created = await rest.create(products(3, 4));
  for (let death = 0; death < 3; death += 1) {
    const before = ai.calls.length;
    const worker = await start('worker');
    await ai.waitFor((calls) => calls.length >= before + 2);
    worker.process.kill('SIGKILL');
    await worker.stop();
  }
  await start('worker');
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 12 } });
});

test('a worker that is stopped hands on what is under way', async () => {
  ai.setScript(() => ({ do: 'ok', delayMs: 60_000 }));
  const worker = await start('worker', { STOP_GRACE: '500ms' });
  const created = await rest.create(products(1, 1));
  await ai.waitForCalls(2);
  const stopping = worker.stop();
  expect(await stopping).toEqual({ code: 0, signal: null });
  const { body } = await rest.call('GET', `/batch/${created.id}/`);
  expect(body.progress).toMatchObject({ queued: 1 });
  ai.setScript(undefined);
  await start('worker');
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
});

test('a provider that asks to wait is not called by anyone until then', async () => {
  ai.setScript((index, kind) =>
    index === 0 && kind === 'text'
      ? { do: 'status', status: 429, headers: { 'retry-after': '2' } }
      : undefined,
  );
  await Promise.all([
    start('worker', { PREVIEW_RATE_LIMIT: 'off' }),
    start('worker', { PREVIEW_RATE_LIMIT: 'off' }),
  ]);
  const created = await rest.create(products(1, 1));
  await ai.waitFor((calls) => calls.some((call) => call.status === 429));
  const late = await rest.create(products(4, 2));
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
  expect(await rest.follow(late.id)).toMatchObject({ status: 'done' });
  const refused = ai.calls.find((call) => call.status === 429);
  const after = ai.calls.filter((call) => call.at > (refused?.at ?? 0) + 300);
  for (const call of after) expect(call.at - (refused?.at ?? 0)).toBeGreaterThan(1900);
});

test('PostgreSQL drops every connection: the program goes on without a restart', async () => {
  const worker = await start('worker');
  const created = await rest.create(products(2, 6));
  for (const calls of [2, 6, 10, 14, 18]) {
    await ai.waitForCalls(calls);
    await db.orm.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'cta-batch%' and pid <> pg_backend_pid()`);
  }
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 12 } });
  expect(worker.process.exitCode).toBeNull();
  expect(worker.output().stderr).not.toContain('taken for dead');
  const { rows } = await db.orm.execute<{ n: number }>(
    sql`select count(*)::int as n from cta.ai_calls where status = 'answered'`,
  );
  expect(rows[0]?.n).toBe(24);
});
