import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findSchemaVersion } from '../../src/db/find-schema-version.ts';
import { createHealth } from '../../src/lib/health.ts';
import { startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

const build = { version: '1.2.3', commit: 'abc', date: null, node: 'v24' };
const healthyChecks = { findSchemaVersion: async () => 7, schemaVersion: 7, isListening: () => true };

let db: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  db = await openTestDatabase();
  api = await startTestApi(db, { requestRate: { maxCalls: 1, windowMs: 60_000 } });
  const schemaVersion = await findSchemaVersion(db.orm);
  const { isListening } = db;
  api.health.watch({ findSchemaVersion: () => findSchemaVersion(db.orm), schemaVersion, isListening });
});
afterAll(async () => {
  await api.close();
  await db.drop();
});

test('serves both without a token, outside of the limit, and without logging', async () => {
  for (let i = 0; i < 3; i += 1) {
    const live = await api.rest(undefined, 'GET', '//livez');
    expect(live).toMatchObject({
      status: 200,
      body: { status: 'alive', role: 'api', node: process.version },
    });
    expect(live.headers['cache-control']).toBe('no-store');
    expect(Date.parse(live.body.started_at)).toBeGreaterThan(0);
  }
  const ready = await api.rest(undefined, 'GET', '//readyz');
  const checks = { database: 'ok', schema: 'ok', queue: 'ok' };
  expect(ready).toMatchObject({ status: 200, body: { status: 'ready', checks } });
  expect(api.log.lines).toEqual([]);
});

test('is not ready with an older schema than the program, but with a newer one', async () => {
  const { rows } = await db.orm.execute<{ version: number }>(
    sql`select max(created_at)::float8 as version from cta.__drizzle_migrations`,
  );
  expect(await findSchemaVersion(db.orm)).toBe(rows[0]?.version);
  const ask = async (found: number) => {
    const health = createHealth({ role: 'api', build });
    health.watch({ ...healthyChecks, findSchemaVersion: async () => found });
    health.start();
    return health.getReadiness();
  };
  expect(await ask(6)).toMatchObject({ status: 'not_ready', checks: { database: 'ok', schema: 'failed' } });
  expect(await ask(8)).toMatchObject({ status: 'ready' });
});

test('names an unreachable database and a queue without notifications, and nothing else', async () => {
  const health = createHealth({ role: 'worker', build });
  const findVersion = async () => {
    throw new Error('connect ECONNREFUSED 10.0.0.1:5432');
  };
  health.watch({ schemaVersion: 7, findSchemaVersion: findVersion, isListening: () => false });
  health.start();
  expect(await health.getReadiness()).toEqual({
    status: 'not_ready',
    checks: { database: 'failed', schema: 'unknown', queue: 'failed' },
  });
});

test('is not ready before it has started and from the moment it stops, whatever the database does', async () => {
  const health = createHealth({ role: 'all', build });
  expect(await health.getReadiness()).toMatchObject({ status: 'starting' });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<number>();
  const findVersion = () => {
    asked.resolve();
    return answer.promise;
  };
  health.watch({ ...healthyChecks, findSchemaVersion: findVersion });
  expect(await health.getReadiness()).toMatchObject({ status: 'starting' });
  health.start();
  const looking = health.getReadiness();
  await asked.promise;
  health.stop();
  expect(await health.getReadiness()).toMatchObject({ status: 'stopping', checks: { database: 'unknown' } });
  answer.resolve(7);
  expect(await looking).toMatchObject({ status: 'stopping' });
});

test('many concurrent requests make one query', async () => {
  let asked = 0;
  const health = createHealth({ role: 'api', build });
  const findVersion = async () => {
    asked += 1;
    return 7;
  };
  health.watch({ ...healthyChecks, findSchemaVersion: findVersion });
  health.start();
  await Promise.all(Array.from({ length: 500 }, () => health.getReadiness()));
  expect(asked).toBe(1);
});
