import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../support/program.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { openEmptyDatabase, openTestDatabase, type TestDatabase } from '../support/test-database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.drop());

interface Finding {
  check: string;
  state: string;
  says: string;
  ids?: string[];
}

async function examine(url: string, ...args: string[]) {
  const env = { DATABASE_URL: url, DATABASE_POOL: '5' };
  const { code, stdout, stderr } = await runProgram({ args: ['doctor', '--json', ...args], env });
  expect(stderr).toBe('');
  const findings: Finding[] = JSON.parse(stdout);
  return { code, bad: findings.filter(({ state }) => state !== 'ok'), findings };
}

test('reports no fault of a consistent database except the durability that tests turn off', async () => {
  const env = { DATABASE_URL: db.url, DATABASE_POOL: '5', PREVIEW_RATE_LIMIT: 'off' };
  const { code, stdout } = await runProgram({ args: ['doctor'], env });
  const lines = stdout.trim().split('\n');
  expect(lines.filter((line) => !line.startsWith('✓'))).toEqual([
    expect.stringMatching(/^! fsync or synchronous_commit is off/),
    '',
    '0 faults, 1 warning.',
  ]);
  expect(lines.length).toBeGreaterThan(15);
  expect(code).toBe(0);
});

test('reports lost jobs as a fault until they are repaired', async () => {
  const { workspaceId } = await db.addWorkspace('lost');
  await addQueuedBatch(db, workspaceId, [3]);
  await db.orm.execute(sql`delete from cta_jobs.job where name = 'preview.generate'`);
  const lost = {
    check: 'waiting_previews',
    ids: [expect.any(String), expect.any(String), expect.any(String)],
  };
  const seen = await examine(db.url);
  expect(seen).toMatchObject({
    code: 1,
    bad: expect.arrayContaining([expect.objectContaining({ ...lost, state: 'fault' })]),
  });
  const fixed = await examine(db.url, '--fix');
  expect(fixed.code).toBe(0);
  expect(fixed.findings.find(({ check }) => check === 'waiting_previews')).toMatchObject({
    state: 'mended',
    says: expect.stringContaining('3 repaired'),
  });
  expect(await examine(db.url)).toMatchObject({ code: 0 });
});

test('reports a window above the limit as a fault that cannot be repaired', async () => {
  const broken = await openTestDatabase({ rate: '2/m' });
  onTestFinished(broken.drop);
  await broken.orm.execute(sql`
    insert into cta.ai_calls (id, kind, generation, attempt, status, counted, provider, model, claimed_at, left_at, ended_at)
    select gen_random_uuid(), 'text', 1, 1, 'failed', true, 'test', 'test', t, t, t
    from (select clock_timestamp() - interval '1 h' as t) now, generate_series(1, 3)`);
  const { code, bad } = await examine(broken.url, '--fix');
  expect(code).toBe(1);
  expect(bad).toContainEqual({
    check: 'worst_window_text',
    state: 'fault',
    says: expect.stringContaining('at most 3 calls in any 60 s'),
  });
});

test('uses a different exit code if nothing can be checked', async () => {
  const gone = await examine('postgres://nobody@127.0.0.1:9/none');
  expect(gone).toMatchObject({ code: 2, bad: [{ check: 'connection', state: 'fault' }] });
  expect(gone.bad[0]?.says).toContain('ECONNREFUSED');
  const empty = await openEmptyDatabase();
  onTestFinished(empty.drop);
  const fresh = await examine(empty.url);
  expect(fresh.code).toBe(2);
  expect(fresh.bad.find(({ check }) => check === 'schema')?.says).toMatch(
    /no schema yet: run `migrate` or `start`/,
  );
});

test('names the privileges that a role lacks', async () => {
  const own = await openTestDatabase();
  const role = `role_${Date.now()}`;
  const admin = new Client(own.url);
  await admin.connect();
  await admin.query(`create role ${role} login password 'secret'`);
  onTestFinished(async () => {
    await admin.query(`drop owned by ${role}`);
    await admin.query(`drop role ${role}`);
    await admin.end();
    await own.drop();
  });
  const url = new URL(own.url);
  Object.assign(url, { username: role, password: 'secret' });
  const askPrivileges = async () => {
    const { code, findings } = await examine(url.href);
    expect(JSON.stringify(findings)).not.toContain('secret');
    return { code, says: findings.find(({ check }) => check === 'privileges')?.says };
  };
  expect(await askPrivileges()).toEqual({
    code: 2,
    says: expect.stringContaining('may not use schema cta, schema cta_jobs: grant it usage'),
  });
  await admin.query(`grant usage on schema cta, cta_jobs to ${role}`);
  await admin.query(`grant select on all tables in schema cta, cta_jobs to ${role}`);
  expect(await askPrivileges()).toEqual({
    code: 2,
    says: expect.stringMatching(/may not use cta\..*: grant it usage/),
  });
});
