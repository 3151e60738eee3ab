import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { inspectSession } from '../../src/db/inspect-server.ts';
import { isUnavailable } from '../../src/lib/database-error.ts';
import { findSessionFaults } from '../../src/main/find-session-faults.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startPgBouncer, WITHOUT_PGBOUNCER } from '../support/start-pgbouncer.ts';
import { adoptDatabase } from '../support/test-database.ts';

/** Settings that administrators and hosting providers apply to a role or a database. */
const ODD_SETTINGS: Record<string, string> = {
  DateStyle: 'German',
  IntervalStyle: 'iso_8601',
  TimeZone: 'Asia/Kathmandu',
  client_encoding: 'LATIN1',
  lock_timeout: '1ms',
  statement_timeout: '1s',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '1s',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  search_path: 'nowhere',
  standard_conforming_strings: 'off',
  quote_all_identifiers: 'on',
  row_security: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  exit_on_error: 'on',
};

const admin = new Client(inject('serverUrl'));
beforeAll(() => admin.connect());
afterAll(() => admin.end());

/** Creates a role and an empty database that it owns. `more` continues `create database`. */
async function addRole(
  settings: Record<string, string> = {},
  more = '',
): Promise<{ url: string; name: string }> {
  const name = `role_${Math.random().toString(36).slice(2)}`;
  await admin.query(`create role ${name} login password 'secret'`);
  await admin.query(`create database ${name} owner ${name} ${more}`);
  for (const [setting, value] of Object.entries(settings)) {
    await admin.query(`alter role ${name} set ${setting} = '${value}'`);
  }
  onTestFinished(async () => {
    await admin.query(`drop database ${name} with (force)`);
    await admin.query(`drop role ${name}`);
  });
  const url = new URL(inject('serverUrl'));
  Object.assign(url, { username: name, password: 'secret', pathname: `/${name}` });
  return { url: url.href, name };
}

const run = (url: string, ...args: string[]) => runProgram({ args, env: { DATABASE_URL: url } });

test('the program creates batches with unusual settings of the role, also concurrently', async () => {
  const { url } = await addRole(ODD_SETTINGS);
  const db = await adoptDatabase(url);
  const { token } = await db.addWorkspace('w');
  const program = await startProgram({
    env: { DATABASE_URL: url, WORKER_CONCURRENCY: '2', DATABASE_POOL: '5' },
  });
  try {
    const rest = createRestClient(program.address, token);
    // No server listens there. The batch fails, so it goes through every stage of a batch.
    const sources = [{ url: 'http://127.0.0.1:9/\u{1f600}', batch_size: 2 }];
    const made = await Promise.all([1, 2, 3, 4].map(() => rest.create(sources)));
    for (const { id } of made) expect(await rest.follow(id)).toMatchObject({ status: 'failed' });
    expect(program.output().stderr).not.toMatch(/"level":[56]0/);
  } finally {
    await program.stop();
    await db.drop();
  }
});

test('sets up each session of the pool with the timeouts of the program', async () => {
  const { url } = await addRole({ ...ODD_SETTINGS, lock_timeout: '5ms' });
  const database = openDatabase({ url, poolSize: 1, applicationName: 'test' });
  onTestFinished(database.close);
  const show = async (name: string) =>
    (await database.orm.$client.query<{ value: string }>(`select current_setting('${name}') as value`))
      .rows[0]?.value;
  const shown = Object.fromEntries(
    await Promise.all(Object.keys(ODD_SETTINGS).map(async (name) => [name, await show(name)])),
  );
  expect(shown).toEqual({
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    client_encoding: 'UTF8',
    lock_timeout: '0',
    statement_timeout: '30s',
    idle_in_transaction_session_timeout: '10s',
    idle_session_timeout: '0',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    bytea_output: 'hex',
    extra_float_digits: '1',
    search_path: 'pg_catalog',
    standard_conforming_strings: 'on',
    quote_all_identifiers: 'off',
    row_security: 'on',
    array_nulls: 'on',
    transform_null_equals: 'off',
    exit_on_error: 'off',
  });
  expect(isUnavailable(Object.assign(new Error(), { code: '55P03' }))).toBe(true);
});

test('an address can set its own timeouts', async () => {
  const { url } = await addRole();
  const query = '?statement_timeout=5000&application_name=mine&options=-c%20work_mem%3D8MB';
  const database = openDatabase({ url: url + query, poolSize: 1, applicationName: 'test' });
  onTestFinished(database.close);
  const { rows } = await database.orm.$client.query(
    `select current_setting('statement_timeout') as time, current_setting('application_name') as name, current_setting('work_mem') as memory`,
  );
  expect(rows).toEqual([{ time: '5s', name: 'mine', memory: '8MB' }]);
});

describe('refuses an unusable database, and doctor reports the same', () => {
  test.each([
    [
      '',
      `encoding 'LATIN1' template template0 locale_provider libc locale 'C'`,
      /has the encoding LATIN1, .+encoding 'UTF8'/,
    ],
    ['default_transaction_read_only = on', '', /default_transaction_read_only is on, for the role/],
    ['session_replication_role = replica', '', /session_replication_role is replica/],
  ])('%s %s', async (setting, more, reason) => {
    const { url, name } = await addRole({}, more);
    if (setting !== '') await admin.query(`alter role ${name} set ${setting}`);
    const refused = await run(url, 'token', 'create', '--workspace', 'w');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^DATABASE_URL points to a PostgreSQL that this program cannot use: .+\.\n$/,
    );
    expect(refused.stderr).toMatch(reason);
    const doctor = await run(url, 'doctor');
    expect(doctor.code).toBe(2);
    expect(doctor.stdout).toMatch(/^✗ .+$/m);
    expect(doctor.stdout).toMatch(reason);
  });

  test('accepts SQL_ASCII', async () => {
    const { url } = await addRole(
      {},
      `encoding 'SQL_ASCII' template template0 locale_provider libc locale 'C'`,
    );
    expect(findSessionFaults(await inspectSession(url))).toEqual([]);
  });
});

describe.skipIf(WITHOUT_PGBOUNCER)('behind PgBouncer', () => {
  test.each(['transaction', 'statement'] as const)(
    'in %s mode all commands end with an explanation',
    async (mode) => {
      const { url } = await addRole();
      const pooler = await startPgBouncer(url, { mode });
      try {
        for (const args of [['start'], ['token', 'create', '--workspace', 'w']]) {
          const refused = await run(pooler.url, ...args);
          expect(refused).toMatchObject({ code: 1, stdout: '' });
          expect(refused.stderr).toMatch(
            /^DATABASE_URL points .+ a pooler in transaction mode, .+ session mode\.\n$/,
          );
        }
      } finally {
        await pooler.end();
      }
    },
  );

  test('works in session mode with the default settings of PgBouncer', async () => {
    const { url } = await addRole({ lock_timeout: '1ms', DateStyle: 'German' });
    const pooler = await startPgBouncer(url, { mode: 'session' });
    try {
      expect(await run(pooler.url, 'migrate')).toMatchObject({ code: 0, stderr: '' });
      const database = openDatabase({ url: pooler.url, poolSize: 1, applicationName: 'test' });
      const { rows } = await database.orm.$client.query<{ statement_timeout: string }>(
        'show statement_timeout',
      );
      expect(rows).toEqual([{ statement_timeout: '30s' }]);
      await database.close();
    } finally {
      await pooler.end();
    }
  });
});
