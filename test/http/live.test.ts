import type { Pool } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { createBatchWatch } from '../../src/batches/watch-batches.ts';
import type { Batch } from '../../src/client/index.ts';
import { notifyChanges } from '../../src/pipeline/notify-changes.ts';
import { createToken } from '../../src/workspaces/create-token.ts';
import { listTokens } from '../../src/workspaces/list-tokens.ts';
import { revokeToken } from '../../src/workspaces/revoke-token.ts';
import { createTokenWatch } from '../../src/workspaces/watch-tokens.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, ROOT, startTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

let db: TestDatabase;
let api: TestApi;
let workerId: string;
let one: TestWorkspace;
let other: TestWorkspace;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api, one, two: other } = opened);
  const stopNotifying = notifyChanges(db);
  workerId = await addWorker(db);
  return async () => {
    await stopNotifying();
    await opened.close();
  };
});

interface Event {
  id: string;
  event: string;
  data: { status: string; progress: Record<string, number> };
}

/** Opens a stream of events, as a REST client does. */
async function openEvents(
  id: string,
  { token = one.token, headers = {}, address = api.address }: Partial<OpenOptions> = {},
) {
  const response = await fetch(`${address}${ROOT}/batch/${id}/events/`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  async function* read(): AsyncGenerator<Event> {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const fields = Object.fromEntries(lines.map((line) => line.split(/: (.*)/, 2)));
        if ('data' in fields) yield { ...fields, data: JSON.parse(String(fields.data)) } as unknown as Event;
      }
    }
  }
  return { response, events: read() };
}
interface OpenOptions {
  token: string;
  headers: Record<string, string>;
  address: string;
}

const queued = (count = 2) => addQueuedBatch(db, one.workspaceId, [count]);
const finishAll = async () => finish(db, await claim(db, workerId));

test('sends whole snapshots from the current state to the end, over both APIs', async () => {
  const { id } = await queued(3);
  const overTrpc: Batch[] = [];
  const started = Promise.withResolvers<void>();
  const completed = new Promise<void>((resolve, reject) => {
    api.client(one.token).batch.watch.subscribe(
      { id },
      {
        onData({ data }) {
          overTrpc.push(data);
          started.resolve();
        },
        onComplete: () => resolve(),
        onError: reject,
      },
    );
  });
  const { response, events } = await openEvents(id);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const seen: Event[] = [(await events.next()).value as Event];
  await started.promise;
  await finishAll();
  for await (const event of events) seen.push(event);
  await completed;

  expect(seen[0]).toMatchObject({ event: 'batch', data: { id, progress: { queued: 3, total: 3 } } });
  expect(seen.at(-1)?.data).toMatchObject({ status: 'done', progress: { done: 3 } });
  expect(new Set(seen.map((event) => event.id)).size).toBe(seen.length);
  const { body } = await api.rest(one.token, 'GET', `/batch/${id}/`);
  expect(seen.at(-1)?.data).toEqual(body);
  expect(overTrpc.at(-1)).toEqual(await api.client(one.token).batch.get.query({ id }));
  expect(overTrpc.length).toBeGreaterThan(1);
});

test('sends only changes to a client that reconnects, and nothing for a finished batch', async () => {
  const { id } = await queued();
  const first = await openEvents(id);
  const { value } = await first.events.next();
  await first.events.return(undefined);

  const second = await openEvents(id, { headers: { 'last-event-id': (value as Event).id } });
  await finishAll();
  const seen: Event[] = [];
  for await (const event of second.events) seen.push(event);
  expect(seen.map((event) => event.id)).not.toContain((value as Event).id);
  expect(seen.at(-1)?.data.status).toBe('done');

  const third = await openEvents(id, { headers: { 'last-event-id': seen.at(-1)?.id ?? '' } });
  expect(third.response.status).toBe(204);
});

test('returns an error instead of a stream for an unknown batch, another workspace, or a missing token', async () => {
  const { id } = await queued();
  for (const { token, path, status } of [
    { token: other.token, path: id, status: 404 },
    { token: one.token, path: 'x', status: 404 },
    { token: 'nonsense', path: id, status: 401 },
  ]) {
    const { response } = await openEvents(path, { token });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    await response.body?.cancel();
  }
  await finishAll();
});

test('reads a batch once for a thousand watchers', async () => {
  const { id } = await queued();
  const watch = createBatchWatch(db);
  const pool = db.orm.$client as Pool;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  let reads = 0;
  Object.assign(pool, {
    query(...args: unknown[]) {
      if ((args[0] as { name?: string }).name === 'get_batch') reads += 1;
      return query(...args);
    },
  });
  const ending = new AbortController();
  const { workspaceId } = one;
  const lasts = Array.from({ length: 1000 }, async () => {
    let last: string | undefined;
    const { events } = await watch.watch({ workspaceId, id, signal: ending.signal });
    for await (const event of events) last = event.batch.status;
    return last;
  });
  await finishAll();
  expect(new Set(await Promise.all(lasts))).toEqual(new Set(['done']));
  await watch.close();
  Object.assign(pool, { query });
  // One query at the start, and one for each announcement.
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThan(20);
});

test('a client that disconnects while another connects does not stop its events', async () => {
  const { id } = await queued();
  const watch = createBatchWatch(db);
  const options = { workspaceId: one.workspaceId, id };
  const gone = watch.watch({ ...options, signal: AbortSignal.abort() });
  const { events } = await watch.watch({ ...options, signal: new AbortController().signal });
  await gone;
  const seen: string[] = [];
  const ended = (async () => {
    for await (const { batch } of events) seen.push(batch.status);
  })();
  await finishAll();
  await ended;
  await watch.close();
  expect(seen.at(-1)).toBe('done');
});

/** Returns the statuses in a stream until its end. */
async function statusesOf({ response, events }: Awaited<ReturnType<typeof openEvents>>): Promise<string[]> {
  expect(response.status).toBe(200);
  const statuses: string[] = [];
  for await (const event of events) statuses.push(event.data.status);
  return statuses;
}

test('ends a stream soon after its token is revoked, over both APIs, and keeps others open', async () => {
  const { id } = await queued();
  const { workspaceId } = one;
  const token = await createToken(db, { workspaceId });
  const revoked = (await listTokens(db, { workspaceId })).at(-1) ?? expect.unreachable();
  const [gone, stays] = [await openEvents(id, { token }), await openEvents(id)];
  const started = Promise.withResolvers<void>();
  const completed = new Promise<void>((resolve, reject) => {
    api
      .client(token)
      .batch.watch.subscribe(
        { id },
        { onData: () => started.resolve(), onComplete: () => resolve(), onError: reject },
      );
  });
  await started.promise;
  const told = statusesOf(stays);
  await revokeToken(db, { workspaceId, id: revoked.id });
  expect(await statusesOf(gone)).toEqual(['running']);
  await completed;
  await finishAll();
  expect((await told).at(-1)).toBe('done');
});

test('checks all watched tokens with one query', async () => {
  const { workspaceId } = await db.addWorkspace('with many');
  for (let i = 0; i < 30; i += 1) await createToken(db, { workspaceId });
  const tokens = await listTokens(db, { workspaceId });
  const reads: string[][] = [];
  const looked = Promise.withResolvers<void>();
  const pool = db.orm.$client as Pool;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  Object.assign(pool, {
    query(...args: unknown[]) {
      const [{ name }, values] = args as [{ name?: string }, unknown[]];
      if (name === 'find_valid_tokens') {
        reads.push(values[0] as string[]);
        if (reads.length === 3) looked.resolve();
      }
      return query(...args);
    },
  });
  const left = new AbortController();
  const watch = createTokenWatch(db, { checkMs: 50 });
  const signals = tokens.flatMap(({ id }) => [watch.watch(id, left.signal), watch.watch(id, left.signal)]);
  await revokeToken(db, { workspaceId, id: tokens[7]?.id ?? '' });
  await looked.promise;
  left.abort();
  watch.close();
  Object.assign(pool, { query });
  const mine = reads.filter((ids) => tokens.every(({ id }) => ids.includes(id)));
  expect(mine.length).toBe(reads.length);
  expect(signals.flatMap(({ aborted }, i) => (aborted ? [i] : []))).toEqual([14, 15]);
});

test('ends a stream with its token and with the program', async () => {
  const { id } = await queued();
  const token = await createToken(db, { workspaceId: one.workspaceId, expiresInMs: 3000 });
  const short = await openEvents(id, { token });
  expect(await statusesOf(short)).toContain('running');

  const second = await startTestApi(db);
  const long = await openEvents(id, { address: second.address });
  const told = statusesOf(long);
  await second.close();
  expect(await told).toContain('running');
  await finishAll();
});
