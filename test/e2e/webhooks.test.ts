import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { webhookDeliveries } from '../../src/db/schema/webhooks.ts';
import { type FakeReceiver, startFakeReceiver } from '../fakes/fake-receiver.ts';
import { passWebhookTime } from '../support/pass-webhook-time.ts';
import { poll } from '../support/poll.ts';
import { type Program, runProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld, type World } from '../support/start-world.ts';

let world: World;
let receiver: FakeReceiver;
let program: Program;
let settings: { FETCH_ALLOW_HOSTS: string; FETCH_ALLOW_PORTS: string };
let turn = 0;
beforeAll(async () => {
  world = await startWorld();
  receiver = await startFakeReceiver();
  settings = {
    FETCH_ALLOW_HOSTS: `${world.shop.host},${receiver.host}`,
    FETCH_ALLOW_PORTS: String(receiver.port),
  };
  program = await world.start('all', settings);
});
afterAll(async () => {
  await world.end();
  await receiver.close();
});

let workspace: string;
let rest: ReturnType<typeof createRestClient>;
beforeEach(async () => {
  turn += 1;
  workspace = `shop ${turn}`;
  const { token } = await world.db.addWorkspace(workspace);
  rest = createRestClient(program.address, token);
  receiver.messages.splice(0);
});

/** Runs a command for the webhooks of a workspace. */
function cli(command: string, args: string[] = [], of = workspace) {
  return runProgram({
    args: ['webhook', command, '--workspace', of, ...args],
    env: { DATABASE_URL: world.db.url, ...settings },
  });
}

async function add(url = receiver.url): Promise<{ id: string; secret: string }> {
  const { code, stdout } = await cli('add', [url]);
  const [, id = '', secret = ''] = /^id {6}(\S+)\nsecret {2}(whsec_\S+)\n$/.exec(stdout) ?? [];
  expect(code).toBe(0);
  return { id, secret };
}

async function makeBatch() {
  const { id } = await rest.create([{ url: world.shop.productUrl('red-shoe') }]);
  await rest.follow(id);
  return (await rest.call('GET', `/batch/${id}/`)).body;
}

/** Waits for the message with this number, and returns it. */
async function message(count: number) {
  await poll(
    async () => receiver.messages.length,
    (length) => length >= count,
  );
  expect(receiver.messages).toHaveLength(count);
  const found = receiver.messages[count - 1];
  if (!found) throw new Error('no message');
  return found;
}

/** Waits until this answer is recorded. Reads the database, because the next try comes soon. */
function noted(status: number) {
  return poll(
    async () => world.db.orm.select().from(webhookDeliveries),
    (rows) => rows.some((row) => row.lastStatus === status),
  );
}

/** Waits until the log matches, and returns it. */
function deliveries(says: RegExp) {
  return poll(
    async () => (await cli('deliveries')).stdout,
    (log) => says.test(log),
  );
}

test('sends a signed message for a finished batch, and retries the same message until it is accepted', async () => {
  const { secret } = await add();
  receiver.script(500, 503);
  const batch = await makeBatch();
  const messages = [];
  for (let count = 1; count <= 3; count += 1) {
    const received = await message(count);
    const body = new Webhook(secret).verify(received.body, received.headers);
    expect(body).toEqual({ type: 'batch.finished', timestamp: batch.finished_at, data: batch });
    messages.push(received);
    if (count === 3) break;
    await noted(count === 1 ? 500 : 503);
    await passWebhookTime(world.db);
  }
  expect(new Set(messages.map(({ body }) => body)).size).toBe(1);
  expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(await deliveries(/delivered/)).toMatch(new RegExp(`batch.finished.*${batch.id}.* 3 .*returned 204`));
  await passWebhookTime(world.db);
  // The remaining jobs send nothing, so the next message is that of a later batch.
  await makeBatch();
  await message(4);
});

test('sends nothing to an address that is not public, whatever its name', async () => {
  await add(`https://localhost:${receiver.port}/hook`);
  await makeBatch();
  await deliveries(/pending.*not a public web address/);
  expect(receiver.messages).toEqual([]);
  const refused = [
    'http://hooks.example/',
    'https://127.0.0.1/',
    'https://hooks.example:5432/',
    'ftp://u@a/',
  ];
  for (const url of refused) {
    const { code, stdout, stderr } = await cli('add', [url]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^(The address|Port 5432) .+\.? \((validation|address_refused)\)\n$/);
  }
});

test('resends a delivery from the command line, for its own workspace only', async () => {
  const { secret } = await add();
  receiver.script(410);
  await makeBatch();
  const first = await message(1);
  await deliveries(/failed.*returned 410/);
  const id = first.headers['webhook-id'] ?? '';
  const other = `other ${turn}`;
  await world.db.addWorkspace(other);
  expect(await cli('resend', [id], other)).toMatchObject({
    code: 1,
    stderr: 'The workspace has no delivery with this id. (not_found)\n',
  });
  expect((await cli('deliveries', [], other)).stdout).toBe('There are none.\n');
  await deliveries(/failed.*returned 410/);
  expect(await cli('resend', [id])).toMatchObject({ code: 0, stdout: 'It is sent again.\n' });
  const second = await message(2);
  expect(second.headers['webhook-id']).toBe(id);
  expect(second.body).toBe(first.body);
  new Webhook(secret).verify(second.body, second.headers);
  await deliveries(/delivered/);
});

test('another worker sends the delivery of a dead one, with the same id', async () => {
  await add();
  const asked = Promise.withResolvers<void>();
  receiver.script(() => asked.resolve());
  const batch = await makeBatch();
  await asked.promise;
  await world.kill(program);
  program = await world.start('all', settings);
  await passWebhookTime(world.db);
  const second = await message(2);
  expect(second.headers['webhook-id']).toBe(receiver.messages[0]?.headers['webhook-id']);
  expect(JSON.parse(second.body)).toMatchObject({ data: { id: batch.id, status: 'done' } });
});

test('a stopped worker requeues its delivery, and the next one sends it at once', async () => {
  await add();
  await world.stop(program);
  program = await world.start('all', { ...settings, STOP_GRACE: '1s' });
  rest = createRestClient(program.address, (await world.db.addWorkspace(workspace)).token);
  const asked = Promise.withResolvers<void>();
  receiver.script(() => asked.resolve());
  await makeBatch();
  await asked.promise;
  expect(await world.stop(program)).toEqual({ code: 0, signal: null });
  program = await world.start('all', settings);
  // This is long before the try of a dead worker would be repeated.
  const second = await message(2);
  expect(second.headers['webhook-id']).toBe(receiver.messages[0]?.headers['webhook-id']);
  expect(await deliveries(/delivered/)).toMatch(/ 1 .*returned 204/);
});

test('lists webhooks without their secrets and removes them, but not those of another workspace', async () => {
  const { id, secret } = await add();
  expect(await cli('add', [receiver.url])).toMatchObject({
    code: 1,
    stderr: 'The workspace already has a webhook with this address. (validation)\n',
  });
  const { stdout } = await cli('list');
  expect(stdout).toContain(id);
  expect(stdout).toContain(receiver.url);
  expect(stdout).not.toContain(secret);
  const other = `other ${turn}`;
  await world.db.addWorkspace(other);
  expect(await cli('remove', [id], other)).toMatchObject({ code: 1 });
  expect(await cli('remove', [id])).toMatchObject({ code: 0 });
  expect((await cli('list')).stdout).toBe('There are none.\n');
  expect(await cli('list', [], 'nobody')).toMatchObject({
    code: 1,
    stderr: 'There is no workspace nobody. (not_found)\n',
  });
});
