import { beforeAll, expect, test } from 'vitest';
import { type ClientOptions, createCtaBatchClient } from '../../src/client/index.ts';
import { addQueuedBatch } from '../support/seed.ts';
import { openTestApi } from '../support/test-api.ts';

/* Tests the inputs that the typed client sends: plain JSON, without superjson's annotations. */

let api: Awaited<ReturnType<typeof openTestApi>>;
let batchId: string;
beforeAll(async () => {
  api = await openTestApi();
  ({ id: batchId } = await addQueuedBatch(api.db, api.one.workspaceId, [1]));
  return api.close;
});

interface Sent {
  readonly json?: unknown;
  readonly meta?: unknown;
}

/** Creates a client and records the inputs that it sends. */
function recordInputs() {
  const inputs: Sent[] = [];
  const record: NonNullable<ClientOptions['fetch']> = (input, init) => {
    const query = new URL(String(input)).searchParams.get('input');
    const sent = JSON.parse(typeof init?.body === 'string' ? init.body : (query ?? '{}'));
    inputs.push(...('0' in sent ? Object.values<Sent>(sent) : [sent as Sent]));
    return fetch(input, init as RequestInit);
  };
  const { address } = api.api;
  return { inputs, cta: createCtaBatchClient({ url: address, token: api.one.token, fetch: record }) };
}

test('inputs are plain JSON, without annotations', async () => {
  const { inputs, cta } = recordInputs();
  await cta.batch.create.mutate({ sources: [{ url: 'https://shop.example/p/1', batchSize: 2 }] });
  const { items } = await cta.previews.list.query({ bulkTaskId: batchId, status: 'queued' });
  const patch = { id: items[0]?.id ?? '', prefill: { priceText: null }, ifVersion: [1, 2] };
  await cta.previews.patch.mutate(patch).catch(() => undefined);
  const first = await new Promise((resolve, reject) => {
    const watch = cta.batch.watch.subscribe(
      { id: batchId },
      { onData: ({ data }) => resolve(watch.unsubscribe() ?? data.id), onError: reject },
    );
  });
  expect(first).toBe(batchId);
  expect(inputs).toEqual([
    { json: { sources: [{ url: 'https://shop.example/p/1', batchSize: 2 }] } },
    { json: { bulkTaskId: batchId, status: 'queued' } },
    { json: patch },
    { json: { id: batchId } },
  ]);
});

test('omits undefined values', async () => {
  const { inputs, cta } = recordInputs();
  const fields = { locale: undefined, tone: 'calm' } as object;
  await cta.batch.list.query(undefined);
  await cta.batch.create.mutate({ sources: [{ url: 'https://shop.example/p/2', ...fields }] });
  expect(inputs).toEqual([{}, { json: { sources: [{ url: 'https://shop.example/p/2', tone: 'calm' }] } }]);
});
