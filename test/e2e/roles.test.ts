import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { PgBoss } from 'pg-boss';
import { expect, inject, onTestFinished, test } from 'vitest';
import { QUEUE_SCHEMA } from '../../src/queue/queue.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';

/*
 * Tests the two roles in deploy/roles.sql: one migrates, and the other runs the program and may
 * change only rows.
 */

const FILE = new URL('../../deploy/roles.sql', import.meta.url);

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Runs the file as psql would, but with other names, because roles belong to the whole server. */
async function createRoles() {
  const name = `roles_${randomBytes(6).toString('hex')}`;
  const script = (await readFile(FILE, 'utf8'))
    .replaceAll(/\bcta(_owner|_service)?\b(?!-|_)/g, (_all, role = '') => name + role)
    .replaceAll(/^\\getenv.*$/gm, '')
    .replaceAll(/:'(owner|service)_password'/g, "'$1-secret'");
  const [first = '', second = ''] = script.split(`\\connect ${name}`);
  const address = (role?: 'owner' | 'service') => {
    const url = new URL(inject('serverUrl'));
    if (role) [url.username, url.password] = [`${name}_${role}`, `${role}-secret`];
    url.pathname = `/${name}`;
    return url.href;
  };
  await withClient(inject('serverUrl'), async (client) => {
    // One statement at a time, because `create database` cannot run in a transaction.
    for (const statement of first
      .replaceAll(/--.*$/gm, '')
      .split(';')
      .filter((one) => one.trim() !== ''))
      await client.query(statement);
  });
  onTestFinished(() =>
    withClient(inject('serverUrl'), async (client) => {
      await client.query(`drop database ${name} with (force)`);
      await client.query(`drop role ${name}_service`);
      await client.query(`drop role ${name}_owner`);
    }),
  );
  await withClient(address(), (client) => client.query(second));
  return { owner: address('owner'), service: address('service') };
}

async function makeDoneBatch(shop: FakeShop, url: string, address: string): Promise<void> {
  const made = await runProgram({
    args: ['token', 'create', '--workspace', 'one'],
    env: { DATABASE_URL: url },
  });
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const rest = createRestClient(address, made.stdout.trim());
  const { id } = await rest.create([{ url: shop.productUrl('red-shoe'), batch_size: 2 }]);
  expect((await rest.follow(id)).status).toBe('done');
}

/** Does what pg-boss does once a minute in a worker. Returns the errors. */
async function runHousekeeping(url: string): Promise<Error[]> {
  const errors: Error[] = [];
  const boss = new PgBoss({
    connectionString: url,
    schema: QUEUE_SCHEMA,
    ...{ migrate: false, createSchema: false, supervise: false, schedule: false },
  });
  boss.on('error', (error) => errors.push(error));
  await boss.start();
  await boss.supervise();
  await boss.stop({ graceful: false });
  return errors;
}

test('after the owner has migrated, the service does all its work without privileges to change tables', async () => {
  const { owner, service } = await createRoles();
  const shop = await startFakeShop();
  onTestFinished(() => shop.close());

  const early = await runProgram({ args: ['start'], env: { DATABASE_URL: service } });
  expect(early).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^The role of DATABASE_URL does not have the privileges to migrate the database: permission denied .+cta-batch migrate/,
    ),
  });
  const migrated = await runProgram({ args: ['migrate'], env: { DATABASE_URL: owner } });
  expect(migrated).toMatchObject({ code: 0, stdout: 'The database is up to date.\n' });

  const program = await startProgram({
    args: ['start'],
    env: { DATABASE_URL: service, FETCH_ALLOW_HOSTS: shop.host, PREVIEW_RATE_LIMIT: 'off' },
  });
  await makeDoneBatch(shop, service, program.address);
  const doctor = await runProgram({ args: ['doctor'], env: { DATABASE_URL: service } });
  expect(doctor).toMatchObject({ code: 0, stdout: expect.stringContaining('0 faults') });
  expect(await runHousekeeping(service)).toEqual([]);
  expect(await program.stop()).toEqual({ code: 0, signal: null });
  expect(program.output().stderr).not.toMatch(/"level":[456]0/);

  await withClient(service, async (client) => {
    for (const statement of [
      'create table cta.more ()',
      'create schema more',
      'create table public.more ()',
      'drop table cta.previews',
      'alter table cta.previews add column more int',
      'truncate cta.previews',
      'create table cta_jobs.more ()',
      'create temporary table more ()',
    ])
      await expect(client.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
  });
});
