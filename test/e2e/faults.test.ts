import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { describe, expect, type TestContext, test } from 'vitest';
import { type FakeAi, startFakeAi } from '../fakes/fake-ai.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { expectSound } from '../support/expect-sound.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { poll } from '../support/poll.ts';
import type { Program } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld, type World } from '../support/start-world.ts';
import { adoptDatabase } from '../support/test-database.ts';

const CLEAN_UP_MS = 60_000;

/** Cleans up after a test, whatever its result. The last function runs first. */
type OnFinished = TestContext['onTestFinished'];

async function makeWorld(
  { onTestFinished }: { onTestFinished: OnFinished },
  options: Parameters<typeof startWorld>[0] = {},
): Promise<World> {
  const world = await startWorld(options);
  onTestFinished(() => world.end(), CLEAN_UP_MS);
  return world;
}

const products = (world: World, name: string, n: number, size: number) =>
  Array.from({ length: n }, (_, i) => ({ url: world.shop.productUrl(`${name}-${i}`), batch_size: size }));

/** Returns the number of rows. */
async function count(world: World, from: string): Promise<number> {
  const { rows } = await world.db.orm.execute<{ n: number }>(
    sql.raw(`select count(*)::int as n from cta.${from}`),
  );
  return rows[0]?.n ?? 0;
}

describe('a separate PostgreSQL', () => {
  async function makeServer(
    { onTestFinished }: { onTestFinished: OnFinished },
    settings?: Record<string, string>,
  ): Promise<OwnServer> {
    const server = await startOwnServer(settings);
    onTestFinished(() => server.end(), CLEAN_UP_MS);
    return server;
  }

  test('keeps paid answers when it is unavailable for a while or crashes', {
    timeout: 360_000,
  }, async (context) => {
    const server = await makeServer(context);
    const world = await makeWorld(context, { ai: { latencyMs: 700 }, db: await adoptDatabase(server.url) });
    const all = await world.start('all');
    const other = await world.start('worker');
    const rest = await world.connect(all);
    const created = await rest.create(products(world, 'restart', 3, 8));
    await world.ai.waitForCalls(6);
    await server.stop();
    // Answers arrive while there is no database to store them in.
    await Promise.all([all, other].map((program) => program.said('heartbeat failed')));
    await poll(
      async () => world.ai.inflight(),
      (calls) => calls === 0,
    );
    await server.start();
    const second = await poll(
      () => rest.create(products(world, 'crash', 2, 8)),
      (batch) => batch.id !== undefined,
    );
    const before = world.ai.calls.length;
    await world.ai.waitFor((calls) => calls.length >= before + 4);
    await server.crash();
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 24 } });
    expect(await rest.follow(second.id)).toMatchObject({ status: 'done', progress: { done: 16 } });
    await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
    expect(world.ai.calls).toHaveLength(2 * 40);
    for (const { output } of world.alive) expect(output().stderr).not.toContain('marked dead');
  });

  test('exits with an error code if it is unavailable when the program stops', {
    timeout: 270_000,
  }, async (context) => {
    const server = await makeServer(context);
    const world = await makeWorld(context, { db: await adoptDatabase(server.url) });
    const all = await world.start('all', { STOP_GRACE: '1s' });
    const { token } = await world.db.addWorkspace('one');
    const rest = createRestClient(all.address, token);
    world.ai.setScript(() => ({ do: 'ok', delayMs: 60_000 }));
    const created = await rest.create(products(world, 'ending', 1, 2));
    await world.ai.waitForCalls(4);
    await server.stop();
    expect(await world.stop(all)).toEqual({ code: 1, signal: null });
    await server.start();
    world.ai.setScript(undefined);
    const next = await world.start('all');
    const batch = await createRestClient(next.address, token).follow(created.id);
    expect(batch).toMatchObject({ status: 'done', progress: { done: 2 } });
    await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  });

  test('continues when it has no free connections', { timeout: 270_000 }, async (context) => {
    const server = await makeServer(context, { max_connections: '40' });
    const world = await makeWorld(context, { ai: { latencyMs: 300 }, db: await adoptDatabase(server.url) });
    const all = await world.start('all');
    const rest = await world.connect(all);
    const created = await rest.create(products(world, 'crowded', 3, 6));
    await world.ai.waitForCalls(4);
    const hogs: Client[] = [];
    context.onTestFinished(async () => void (await Promise.all(hogs.map((hog) => hog.end()))));
    // Take all free connections. Then the program loses its own too, and cannot get new ones.
    await takeConnections(server.url, hogs);
    await administer(server.adminUrl, 'alter role service connection limit 0');
    await administer(
      server.adminUrl,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'cta-batch%'`,
    );
    await all.said('"code":"53300"');
    await all.said('heartbeat failed');
    await administer(server.adminUrl, 'alter role service connection limit -1');
    await Promise.all(hogs.splice(0).map((hog) => hog.end()));
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 18 } });
    await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
    expect(world.ai.calls).toHaveLength(2 * 18);
  });
});

/** Opens connections until the server refuses more. */
async function takeConnections(url: string, hogs: Client[]): Promise<void> {
  for (;;) {
    const hog = new Client({ connectionString: url, application_name: 'hog' });
    hog.on('error', () => {});
    try {
      await hog.connect();
    } catch (error) {
      if ((error as { code?: string }).code !== '53300') throw error;
      return;
    }
    hogs.push(hog);
  }
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const admin = new Client(adminUrl);
  await admin.connect();
  await admin.query(statement);
  await admin.end();
}

/** Makes inserting the images of the fake AI fail until this is called again with false. */
async function failAssets(world: World, fails: boolean): Promise<void> {
  if (!fails) {
    await world.db.orm.execute(sql.raw('drop trigger test_fails on cta.assets'));
    return;
  }
  await world.db.orm.execute(
    sql.raw(`create or replace function cta.test_fails() returns trigger language plpgsql as $$ begin
      raise exception 'no room for an image';
    end $$`),
  );
  await world.db.orm.execute(
    sql.raw(`create trigger test_fails before insert on cta.assets for each row
      when (new.width = 480 and new.height = 320) execute function cta.test_fails()`),
  );
}

// These tests mostly wait, so they run concurrently.
describe.concurrent('failures of other services', () => {
  test('opens the breaker when the AI service is down, and loses no call', {
    timeout: 360_000,
  }, async (context) => {
    const world = await makeWorld(context, { ai: { latencyMs: 200 } });
    const all = await world.start('all');
    await world.start('worker');
    const rest = await world.connect(all);
    const created = await rest.create(products(world, 'gone', 4, 10));
    const second = await rest.create(products(world, 'gone-too', 2, 10));
    await world.ai.waitForCalls(10);
    const { port } = new URL(world.ai.baseUrl);
    await world.ai.close();
    await poll(
      () => count(world, 'call_limits where failing_since is not null'),
      (kinds) => kinds > 0,
    );
    // It stays away for about 30 s, and is probed every 5 s.
    await poll(
      () => count(world, `ai_calls where probe and status = 'failed'`),
      (probes) => probes >= 6,
    );
    const back: FakeAi = await startFakeAi({ port: Number(port), latencyMs: 50 });
    context.onTestFinished(() => back.close());
    expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 40 } });
    expect(await rest.follow(second.id)).toMatchObject({ status: 'done', progress: { done: 20 } });
    expect(await count(world, 'call_limits where failing_since is not null')).toBe(0);
    await expectSound(world.db, { calls: [...world.ai.calls, ...back.calls], alive: world.alive });
  });

  test('fails the pages of a hanging shop, and reads those of another one in the meantime', async (context) => {
    const world = await makeWorld(context);
    const hanging: FakeShop = await startFakeShop();
    context.onTestFinished(() => hanging.close());
    const all = await world.start('all', {
      FETCH_TIMEOUT: '4s',
      FETCH_ALLOW_HOSTS: `${world.shop.host},${hanging.host}`,
    });
    const rest = await world.connect(all);
    const hung = await rest.create(
      [1, 2, 3, 4].map((n) => ({ url: `${hanging.origin}/hang?n=${n}`, batch_size: 2 })),
    );
    await poll(
      async () => hanging.requests.length,
      (requests) => requests === 4,
    );
    const good = await rest.create(products(world, 'elsewhere', 2, 3));
    expect(await rest.follow(good.id)).toMatchObject({ status: 'done', progress: { done: 6 } });
    const ended = await rest.follow(hung.id);
    expect(ended).toMatchObject({
      status: 'failed',
      progress: { failed: 8 },
      error: { code: 'page_timeout' },
    });
    for (const source of ended.sources) expect(source.error.code).toBe('page_timeout');
    expect(hanging.requests).toHaveLength(8);
    // The good pages were read while all of those hung.
    const { rows } = await world.db.orm.execute(sql`
      select url from cta.sources
      where batch_id = ${good.id}
        and claimed_at > (select min(finished_at) from cta.sources where batch_id = ${hung.id})`);
    expect(rows).toEqual([]);
    await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  });

  test('fails the preview if an image can never be stored, and nothing is stuck', {
    timeout: 360_000,
  }, async (context) => {
    const world = await makeWorld(context);
    const all: Program = await world.start('all');
    const rest = await world.connect(all);
    await failAssets(world, true);
    const created = await rest.create(products(world, 'never', 1, 2));
    expect(await rest.follow(created.id, undefined, 100_000)).toMatchObject({
      status: 'failed',
      progress: { failed: 2 },
    });
    const [preview] = await rest.previews(created.id);
    expect(preview.error.code).toBe('internal');
    await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
    // The program works as before.
    await failAssets(world, false);
    const next = await rest.create(products(world, 'after', 1, 2));
    expect(await rest.follow(next.id)).toMatchObject({ status: 'done' });
  });
});

test('keeps a paid image that cannot be stored for a while', async (context) => {
  const world = await makeWorld(context);
  const all = await world.start('all');
  const rest = await world.connect(all);
  await failAssets(world, true);
  const created = await rest.create(products(world, 'full', 1, 4));
  await world.ai.waitFor((calls) => calls.filter((call) => call.outcome === 'answered').length === 8);
  await poll(
    () => count(world, `ai_calls where status = 'answered'`),
    (answers) => answers === 4,
  );
  await failAssets(world, false);
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: 4 } });
  expect(world.ai.calls).toHaveLength(8);
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
});

test('a new worker starts even if the work of a dead one cannot be requeued yet', async (context) => {
  const world = await makeWorld(context);
  const api = await world.start('api');
  const rest = await world.connect(api);
  world.ai.setScript((index) => ({ do: 'ok', delayMs: index === 0 ? 60_000 : 50 }));
  const victim = await world.start('worker');
  const created = await rest.create(products(world, 'heir', 1, 1));
  await world.ai.waitForCalls(2);
  await world.db.orm.execute(
    sql.raw(`create function cta.test_undying() returns trigger language plpgsql as $$ begin
      raise exception 'it cannot die';
    end $$`),
  );
  await world.db.orm.execute(
    sql.raw(`create trigger test_undying before update on cta.workers for each row
      when (new.died_at is not null) execute function cta.test_undying()`),
  );
  await world.kill(victim);
  const heir = await world.start('worker');
  await heir.said('could not be requeued');
  const own = await rest.create(products(world, 'own', 1, 2));
  expect(await rest.follow(own.id)).toMatchObject({ status: 'done' });
  await world.db.orm.execute(sql.raw('drop trigger test_undying on cta.workers'));
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done' });
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
});
