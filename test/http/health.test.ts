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

test('both are answered without a token, beyond the limit, and not logged', async () => {
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

test('a schema that is older than the program’s is not ready, a newer one is', async () => {
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

test('a database that cannot be reached and a queue that is not heard are named, and nothing else', async () => {
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

test('it is not ready before it has started, and at once no more when it stops, whatever is asked of the database', async () => {
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

test('a storm of questions is one question to the database', async () => {
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
