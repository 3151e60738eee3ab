import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { expectSound } from '../support/expect-sound.ts';
import { makeGate } from '../support/make-gate.ts';
import { poll } from '../support/poll.ts';
import type { Program } from '../support/program.ts';
import { startWorld, type World } from '../support/start-world.ts';

/** Longer than any test. */
const NEVER_MS = 120_000;

let world: World;
let rest: Awaited<ReturnType<World['connect']>>;
beforeAll(async () => {
  world = await startWorld({ ai: { latencyMs: 50 } });
  rest = await world.connect(await world.start('api'));
});
afterAll(() => world.end());
afterEach(() => world.ai.setScript(undefined));

interface PreviewRow extends Record<string, unknown> {
  readonly status: string;
  readonly version: number;
  readonly generated: unknown;
}

const readPreviews = async (): Promise<PreviewRow[]> =>
  (
    await world.db.orm.execute<PreviewRow>(
      sql`select id, status, version, generated, updated_at, finished_at from cta.previews order by id`,
    )
  ).rows;

async function count(condition: string): Promise<number> {
  const query = sql.raw(`select count(*)::int as n from cta.${condition}`);
  return (await world.db.orm.execute<{ n: number }>(query)).rows[0]?.n ?? 0;
}

/**
 * Stops the event loop of the only worker, and ends its sessions (and the API's) as a failed
 * network would.
 */
async function freeze(worker: Program): Promise<void> {
  worker.process.kill('SIGSTOP');
  await world.db.orm.execute(sql`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and application_name like 'cta-batch%'`);
}

async function untilDead(deaths: number): Promise<void> {
  await poll(
    () => count('workers where died_at is not null'),
    (dead) => dead === deaths,
  );
}

/** Wakes a worker and waits until it has noticed that it was taken for dead. */
async function thaw(worker: Program): Promise<void> {
  worker.process.kill('SIGCONT');
  await worker.said('this worker was marked dead; it continues under a new id');
}

test('stores a late answer if its step has none, and changes nothing else', async () => {
  const early = await world.start('worker');
  // The first answer of each kind arrives while the worker is stopped, and waits in its socket.
  world.ai.setScript((index) => ({ do: 'ok', delayMs: index === 0 ? 1500 : NEVER_MS }));
  const created = await rest.create([{ url: world.shop.productUrl('late-answer'), batch_size: 1 }]);
  await world.ai.waitForCalls(2);
  await freeze(early);
  const next = await world.start('worker');
  await untilDead(1);
  // The other worker has bought both again, and waits for the answers.
  await world.ai.waitForCalls(4);
  const before = await readPreviews();
  expect(before).toMatchObject([{ status: 'running' }]);
  await thaw(early);
  await poll(
    () => count(`ai_calls where status = 'answered'`),
    (answers) => answers === 2,
  );
  await poll(
    async () => early.output().stderr.split('its answer is stored').length - 1,
    (times) => times === 2,
  );
  expect(await readPreviews()).toEqual(before);
  expect(await count(`ai_calls where status = 'sent'`)).toBe(2);

  // Kill the worker that has the preview now: the late answers are all that is needed.
  await world.kill(next);
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
  expect(world.ai.calls).toHaveLength(4);
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  await world.stop(early);
});

test('a late worker changes neither finished work nor a page that another worker reads', async () => {
  const early = await world.start('worker', { STOP_GRACE: '1s' });
  const sent = world.ai.calls.length;
  const path = '/products/late-page';
  // As above, for the next call of each kind.
  const first = sent / 2;
  world.ai.setScript((index) => ({ do: 'ok', delayMs: index === first ? 1500 : 50 }));
  const called = await rest.create([{ url: world.shop.productUrl('late-call') }]);
  await world.ai.waitForCalls(sent + 2);
  world.shop.script(path, { hang: true });
  const read = await rest.create([{ url: world.shop.origin + path, batch_size: 2 }]);
  await poll(
    () => count(`sources where status = 'running'`),
    (pages) => pages === 1,
  );
  const asked = () => world.shop.requests.filter((request) => request.path === path).length;
  await poll(
    async () => asked(),
    (times) => times === 1,
  );
  const deaths = await count('workers where died_at is not null');
  await freeze(early);
  world.shop.script(path, undefined);
  const next = await world.start('worker');
  await untilDead(deaths + 1);
  expect(await rest.follow(called.id)).toMatchObject({ status: 'done' });
  expect(await rest.follow(read.id)).toMatchObject({ status: 'done', progress: { done: 2 } });
  const before = await readPreviews();
  const products = await count('products');
  await thaw(early);
  // Both late answers are delivered. Stopping the worker ends the hanging page.
  await poll(
    async () => early.output().stderr.split('marked dead; its answer').length - 1,
    (times) => times === 2,
  );
  expect(await world.stop(early)).toEqual({ code: 0, signal: null });
  expect(await readPreviews()).toEqual(before);
  expect(await count('products')).toBe(products);
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  await world.stop(next);
});

test('a worker that freezes during a claim delays the others for a few seconds only', async () => {
  const frozen = await world.start('worker');
  const gate = await makeGate(world.db.url, { table: 'cta.ai_calls', on: 'insert', when: 'true' });
  const created = await rest.create([{ url: world.shop.productUrl('frozen-claim'), batch_size: 3 }]);
  await gate.reached();
  frozen.process.kill('SIGSTOP');
  // From here on, its transaction is idle and holds the lock of the limit.
  const [next] = await Promise.all([world.start('worker'), gate.open()]);
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 3 } });
  frozen.process.kill('SIGCONT');
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  await Promise.all([world.stop(frozen), world.stop(next)]);
});

test('SIGTERM: finishes work in progress if there is time, and requeues it otherwise', async () => {
  const sent = world.ai.calls.length;
  const patient = await world.start('worker', { STOP_GRACE: '20s' });
  world.ai.setScript(() => ({ do: 'ok', delayMs: 800 }));
  const first = await rest.create([{ url: world.shop.productUrl('finished'), batch_size: 2 }]);
  await world.ai.waitForCalls(sent + 4);
  expect(await world.stop(patient)).toEqual({ code: 0, signal: null });
  expect(await rest.follow(first.id)).toMatchObject({ status: 'done', progress: { done: 2 } });
  expect(world.ai.calls).toHaveLength(sent + 4);

  world.ai.setScript(() => ({ do: 'ok', delayMs: NEVER_MS }));
  const hasty = await world.start('worker', { STOP_GRACE: '300ms' });
  const second = await rest.create([{ url: world.shop.productUrl('handed-back'), batch_size: 2 }]);
  await world.ai.waitForCalls(sent + 8);
  expect(await world.stop(hasty)).toEqual({ code: 0, signal: null });
  expect(await count(`ai_calls where status = 'sent'`)).toBe(0);
  expect(await count(`previews where status = 'queued'`)).toBe(2);
  world.ai.setScript(undefined);
  const last = await world.start('worker');
  expect(await rest.follow(second.id)).toMatchObject({ status: 'done', progress: { done: 2 } });
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  await world.stop(last);
});
