import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { expect, inject, test } from 'vitest';
import { startFakeReceiver } from '../fakes/fake-receiver.ts';
import { poll } from '../support/poll.ts';
import { runProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld } from '../support/start-world.ts';
import { openTestDatabase } from '../support/test-database.ts';

const AI_KEY = 'marked-key-of-the-ai-service';
const PAGE_TEXT = 'Marvellousmarkedcup';
const SIGNATURE = 'markedsignatureofaddress';
const PASSWORD = 'marked/p@ssword of the database';

/** A JSON line of the log. */
interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

const readLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** Adds a superuser with a password that can be recognized. */
async function addUser(): Promise<{ name: string; drop(): Promise<void> }> {
  const name = `marked_${randomBytes(4).toString('hex')}`;
  const client = new Client(inject('serverUrl'));
  await client.connect();
  await client.query(`create role ${name} superuser login password ${client.escapeLiteral(PASSWORD)}`);
  return {
    name,
    async drop() {
      await client.query(`drop role ${name}`);
      await client.end();
    },
  };
}

test('logs ids and no secrets at the most detailed level', { timeout: 360_000 }, async ({
  onTestFinished,
}) => {
  const user = await addUser();
  onTestFinished(() => user.drop());
  const db = await openTestDatabase();
  const receiver = await startFakeReceiver();
  onTestFinished(() => receiver.close());
  const url = new URL(db.url);
  url.username = user.name;
  url.password = encodeURIComponent(PASSWORD);
  const world = await startWorld({
    db,
    env: { DATABASE_URL: url.href, LOG_LEVEL: 'debug', AI_API_KEY: AI_KEY, AI_TIMEOUT: '2s' },
  });
  onTestFinished(() => world.end());
  world.shop.script(`/products/marked`, {
    headers: { 'content-type': 'text/html' },
    body: `<title>${PAGE_TEXT}</title><h1>${PAGE_TEXT}</h1><img src="/images/cup-0.jpg?sig=${SIGNATURE}">
      <script type="application/ld+json">{"@type":"Product","name":"${PAGE_TEXT}","description":"${PAGE_TEXT} text","image":"/images/cup-1.jpg?sig=${SIGNATURE}"}</script>`,
  });
  const page = `${world.shop.origin}/products/marked?X-Amz-Signature=${SIGNATURE}`;
  const api = await world.start('api');
  const worker = await world.start('worker', { FETCH_ALLOW_HOSTS: `${world.shop.host},${receiver.host}` });
  const { token } = await db.addWorkspace('marked');
  const webhook = await runProgram({
    args: ['webhook', 'add', receiver.url, '--workspace', 'marked'],
    env: { DATABASE_URL: url.href, FETCH_ALLOW_HOSTS: receiver.host },
  });
  const secret = /whsec_\S+/.exec(webhook.stdout)?.[0] ?? '';
  expect(secret).not.toBe('');

  // Makes one good batch, and one whose product cannot be written: the failed statement contains
  // the page's text.
  const rest = createRestClient(api.address, token);
  const good = await rest.create([{ url: page }]);
  expect(await rest.follow(good.id)).toMatchObject({ status: 'done' });
  const [preview] = await rest.previews(good.id);
  await rest.call('PATCH', `/previews/${preview.id}/`, { prefill: { headline: 'markedheadline' } });
  const root = `${api.address}/api/llm-editor/cta`;
  await fetch(`${root}/batch/?access_token=${token}`);
  await fetch(`${preview.embed_url}?x=1`);
  await fetch(`${root}/nowhere/${token}`);
  await db.orm.execute(
    sql`alter table cta.products add constraint marked check (title <> ${sql.raw(`'${PAGE_TEXT}'`)}) not valid`,
  );
  const bad = await rest.create([{ url: page }]);
  expect(await rest.follow(bad.id, undefined, 60_000)).toMatchObject({ status: 'failed' });
  // Makes a request fail, and the database drop its connections.
  await db.orm.execute(sql`alter table cta.previews rename to previews_away`);
  expect((await rest.call('GET', `/previews/${preview.id}/`)).status).toBe(500);
  await db.orm.execute(sql`alter table cta.previews_away rename to previews`);
  await db.orm.execute(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like 'cta-batch%' and pid <> pg_backend_pid()`);
  await poll(
    async () => receiver.messages.length,
    (messages) => messages >= 2,
  );
  await Promise.all([world.stop(worker), world.stop(api)]);

  const { rows } = await db.orm.execute<{ value: string }>(sql`
    select embed_secret as value from cta.previews where generated is not null
    union all select key from cta.assets`);
  expect(rows.length).toBeGreaterThan(1);
  const output = [api, worker].map((program) => program.output());
  const all = output.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  const text = world.ai.calls.find(({ kind }) => kind === 'text');
  expect(JSON.stringify(text?.body)).toContain(PAGE_TEXT);
  const secrets = [
    ...[token, secret, AI_KEY, PASSWORD, encodeURIComponent(PASSWORD), PAGE_TEXT, SIGNATURE],
    ...[preview.prefill.headline, 'markedheadline', ...rows.map(({ value }) => value)],
  ];
  for (const one of secrets) expect(all).not.toContain(one);

  // Every line is JSON, and has ids where possible.
  const [requests = [], jobs = []] = output.map(({ stderr }) => readLines(stderr));
  const find = (lines: readonly Line[], fields: object) =>
    lines.find((line) => Object.entries(fields).every(([key, value]) => line[key] === value));
  const create = { msg: 'request', method: 'POST', route: '/api/llm-editor/cta/batch/', status: 201 };
  expect(find(requests, { ...create, batchId: good.id })?.requestId).toEqual(expect.any(String));
  const patch = { method: 'PATCH', previewId: preview.id, batchId: good.id };
  expect(find(requests, patch)?.status).toBe(200);
  expect(find(requests, { msg: 'request failed' })).toMatchObject({
    requestId: expect.any(String),
    route: '/api/llm-editor/cta/previews/:id/',
    err: { message: expect.stringContaining('Failed query') },
  });
  expect(find(jobs, { job: 'preview.generate', batchId: good.id, previewId: preview.id })).toBeDefined();
  expect(find(jobs, { job: 'source.process', batchId: bad.id, code: 'internal' })).toBeDefined();
});
