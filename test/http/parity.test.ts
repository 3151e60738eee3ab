import type { AnyProcedure } from '@trpc/server';
import { eq } from 'drizzle-orm';
import superjson, { type SuperJSONResult } from 'superjson';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cancelBatch } from '../../src/batches/cancel-batch.ts';
import { productImages } from '../../src/db/schema/products.ts';
import { appRouter } from '../../src/http/router.ts';
import { createId } from '../../src/lib/ids.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, ROOT, type TestApi } from '../support/test-api.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { makeWrongInputs } from '../support/wrong-inputs.ts';

/*
 * Generated from the router. Each procedure is called through both APIs with the same valid and
 * invalid inputs, and must give the same answers. A new procedure fails here until it has an entry
 * in ENDPOINTS.
 */

let db: TestDatabase;
let api: TestApi;
let workspaceId: string;
let token: string;
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api } = opened);
  ({ workspaceId, token } = opened.one);
  return opened.close;
});

type Input = Record<string, unknown>;
/**
 * The input for tRPC and the one for REST. They are equal, except that each of them may change its
 * own object.
 */
type Pair = readonly [trpc: Input, rest: Input];

interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** The status of a successful answer over REST. tRPC returns 200. */
  readonly status?: number;
  /**
   * Inputs that both APIs accept, by their description. They are sent in order after all of them
   * have been made. Making a finished object finishes everything in the queue, so objects that must
   * stay queued are made last.
   */
  pairs(): Promise<Record<string, Pair>>;
  /** An input with all fields. Wrong inputs are made from it. */
  full(): Promise<Pair>;
}

const same = (input: Input): Pair => [input, input];
const both = async (make: () => Promise<Input>): Promise<Pair> => [await make(), await make()];
const and = (pair: Pair, more: Input): Pair => [
  { ...pair[0], ...more },
  { ...pair[1], ...more },
];
const nobody = same({ id: '018f0000-0000-7000-8000-000000000000' });
const noId = same({ id: 'no-id' });
const longId = same({ id: 'x'.repeat(201) });

const addQueued = async () => ({ id: (await addQueuedBatch(db, workspaceId, [2])).id });
async function addDone() {
  const batch = await addQueued();
  await finish(db, await claim(db, await addWorker(db)));
  return batch;
}
async function addCancelled() {
  const batch = await addQueued();
  await cancelBatch(db.deps, { workspaceId, ...batch });
  return batch;
}
const firstPreview = async ({ id }: { id: string }) => {
  const { items } = await api.client(token).previews.list.query({ bulkTaskId: id });
  return items[0] ?? expect.unreachable();
};
const addQueuedPreview = async () => ({ id: (await firstPreview(await addQueued())).id });
const addDonePreview = async () => ({ id: (await firstPreview(await addDone())).id });

const source = {
  url: 'https://shop.example/a',
  batchSize: 2,
  locale: 'de-AT',
  tone: 'dry',
  product: {
    title: 'A chair',
    description: 'To sit on.',
    priceText: '€ 12',
    imageUrls: ['https://shop.example/a.jpg'],
  },
};
const prefill = {
  headline: 'A',
  subheadline: 'B',
  body: 'C',
  ctaText: 'D',
  ctaUrl: 'https://shop.example/b',
  priceText: 'E',
  productImageUrl: 'https://shop.example/b.jpg',
  backgroundImageUrl: 'https://shop.example/c.jpg',
  colors: { background: '#ffffff', text: '#000000', button: '#000000', buttonText: '#ffffff' },
  locale: 'fr',
};

/** Tests canceling an object that waits, canceling it again, and canceling a finished one. */
function cancelEndpoint(
  path: string,
  addWaiting: () => Promise<Input>,
  addFinal: () => Promise<Input>,
): Endpoint {
  return {
    method: 'POST',
    path,
    async pairs() {
      const done = await both(addFinal);
      const queued = await both(addWaiting);
      return { done, queued, again: queued, nobody, noId, longId };
    },
    full: () => both(addWaiting),
  };
}

const ENDPOINTS: Record<string, Endpoint> = {
  'batch.create': {
    method: 'POST',
    path: '/batch/',
    status: 201,
    pairs: async () => ({
      least: same({ sources: [{ url: source.url }] }),
      all: same({ name: 'A name', sources: [source, source] }),
      'too many sources': same({ sources: Array(6).fill(source) }),
      'too large': same({ sources: [{ ...source, batchSize: 11 }] }),
      'with keys': [
        { sources: [source], idempotencyKey: createId() },
        { sources: [source], idempotencyKey: createId() },
      ],
      'a key of spaces': same({ sources: [source], idempotencyKey: '\n' }),
      'a long key': same({ sources: [source], idempotencyKey: 'x'.repeat(256) }),
    }),
    full: async () => same({ name: 'A name', sources: [source] }),
  },
  'batch.list': {
    method: 'GET',
    path: '/batch/',
    async pairs() {
      for (let i = 0; i < 3; i += 1) await addDone();
      const { nextCursor: cursor } = await api.client(token).batch.list.query({ pageSize: 1 });
      return {
        all: same({}),
        'the first page': same({ pageSize: '1' }),
        'the second page': same({ pageSize: '1', cursor }),
        'no such cursor': same({ cursor: 'x' }),
      };
    },
    full: async () => same({ pageSize: '2', cursor: 'x' }),
  },
  'batch.get': {
    method: 'GET',
    path: '/batch/:id/',
    pairs: async () => ({ one: same(await addDone()), nobody, noId, longId }),
    full: async () => same(await addQueued()),
  },
  'batch.cancel': cancelEndpoint('/batch/:id/cancel/', addQueued, addDone),
  'batch.retry': {
    method: 'POST',
    path: '/batch/:id/retry/',
    async pairs() {
      const cancelled = await both(addCancelled);
      return { cancelled, again: cancelled, done: await both(addDone), nobody, noId, longId };
    },
    full: () => both(addCancelled),
  },
  'batch.task': {
    method: 'GET',
    path: '/tasks/:taskId/',
    async pairs() {
      const { taskId } = await api.client(token).batch.get.query(await addDone());
      const [{ id }] = nobody;
      return { one: same({ taskId }), nobody: same({ taskId: id }), noId: same({ taskId: 'x' }) };
    },
    full: async () => same({ taskId: 'x' }),
  },
  'batch.watch': {
    method: 'GET',
    path: '/batch/:id/events/',
    pairs: async () => ({
      done: same(await addDone()),
      'seen before': same({ ...(await addDone()), lastEventId: 'x' }),
      'a long id of an event': same({ ...(await addDone()), lastEventId: 'x'.repeat(101) }),
      nobody,
      noId,
      longId,
    }),
    full: async () => same(await addDone()),
  },
  'limits.get': {
    method: 'GET',
    path: '/limits/',
    pairs: async () => ({ now: same({}) }),
    full: async () => same({}),
  },
  'previews.list': {
    method: 'GET',
    path: '/previews/',
    async pairs() {
      const { id: bulkTaskId } = await addDone();
      const { productId } = await firstPreview({ id: bulkTaskId });
      const { nextCursor: cursor } = await api.client(token).previews.list.query({ bulkTaskId, pageSize: 1 });
      return {
        all: same({}),
        'of a batch': same({ bulkTaskId }),
        'of a product': same({ productId }),
        'of a status': same({ bulkTaskId, status: 'done' }),
        'of another status': same({ bulkTaskId, status: 'failed' }),
        'the second page': same({ bulkTaskId, pageSize: '1', cursor }),
        'of nobody': same({ bulkTaskId: nobody[0].id }),
        'of no id': same({ bulkTaskId: 'x', productId: 'y' }),
      };
    },
    full: async () => same({ pageSize: '2', cursor: 'x', bulkTaskId: 'x', productId: 'x', status: 'done' }),
  },
  'previews.get': {
    method: 'GET',
    path: '/previews/:id/',
    pairs: async () => ({
      done: same(await addDonePreview()),
      queued: same(await addQueuedPreview()),
      nobody,
      noId,
      longId,
    }),
    full: async () => same(await addDonePreview()),
  },
  'previews.cancel': cancelEndpoint('/previews/:id/cancel/', addQueuedPreview, addDonePreview),
  'previews.retry': {
    method: 'POST',
    path: '/previews/:id/retry/',
    async pairs() {
      const done = await both(addDonePreview);
      return { done, again: done, nobody, noId, longId };
    },
    full: () => both(addDonePreview),
  },
  'previews.revokeEmbed': {
    method: 'POST',
    path: '/previews/:id/revoke-embed/',
    async pairs() {
      const done = await both(addDonePreview);
      return { done, again: done, queued: await both(addQueuedPreview), nobody, noId, longId };
    },
    full: () => both(addDonePreview),
  },
  'previews.renewEmbed': {
    method: 'POST',
    path: '/previews/:id/renew-embed/',
    async pairs() {
      const done = await both(addDonePreview);
      return { done, again: done, queued: await both(addQueuedPreview), nobody, noId, longId };
    },
    full: () => both(addDonePreview),
  },
  'previews.patch': {
    method: 'PATCH',
    path: '/previews/:id/',
    async pairs() {
      const done = await both(addDonePreview);
      const anotherImage = async () => {
        const { id, productId, imageId } = await firstPreview(await addDone());
        const images = await db.orm
          .select({ id: productImages.id })
          .from(productImages)
          .where(eq(productImages.productId, productId ?? ''));
        return { id, imageId: images.find((image) => image.id !== imageId)?.id };
      };
      return {
        'one field': and(done, { prefill: { headline: 'Other' } }),
        all: and(done, { prefill }),
        'a low contrast': and(done, { prefill: { colors: { buttonText: '#000001' } } }),
        'what may be null': and(done, { prefill: { priceText: null, body: null } }),
        'what may not be null': and(done, { prefill: { headline: null, ctaUrl: null } }),
        'an old version': and(done, { prefill, ifVersion: 0 }),
        'nothing to change': done,
        'of nobody': and(nobody, { prefill }),
        'of no id': and(noId, { prefill }),
        'of a long id': and(longId, { prefill }),
        'another image': await both(anotherImage),
        'no such image': and(await both(addDonePreview), { imageId: 'x' }),
        'before it is done': and(await both(addQueuedPreview), { prefill }),
      };
    },
    full: async () => and(await both(addDonePreview), { prefill, imageId: 'x' }),
  },
  'products.get': {
    method: 'GET',
    path: '/products/:id/',
    pairs: async () => ({
      one: same({ id: (await firstPreview(await addDone())).productId }),
      nobody,
      noId,
      longId,
    }),
    full: async () => same({ id: 'x' }),
  },
};

/** Fields that REST has as headers. */
const HEADERS: Record<string, string> = {
  idempotencyKey: 'Idempotency-Key',
  ifVersion: 'If-Match',
  lastEventId: 'Last-Event-ID',
};

/** The field that infinite queries of tRPC's clients add to a list. REST has no such field. */
const TRPC_ONLY = 'direction';

/** The answer of either API in one form: an error, or the output in REST's spelling. */
type Outcome =
  | { status: number; code: string; message: string; errors: unknown }
  | { status: number; output: unknown };

const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
function spell(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spell);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      snake(key),
      // In a warning, this is the only value that names fields.
      key === 'path' && typeof inner === 'string' ? snake(inner) : spell(inner),
    ]),
  );
}

async function callRest({ method, path }: Endpoint, input: Input): Promise<Outcome> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  const rest: Input = {};
  let url = ROOT + path;
  for (const [field, value] of Object.entries(input)) {
    const header = HEADERS[field];
    if (path.includes(`:${field}/`)) url = url.replace(`:${field}`, encodeURIComponent(String(value)));
    else if (header) headers[header] = field === 'ifVersion' ? `"${value}"` : String(value);
    else rest[field] = value;
  }
  if (method === 'GET') url += `?${new URLSearchParams(spell(rest) as Record<string, string>)}`;
  else headers['content-type'] = 'application/json';
  const payload = method === 'GET' ? {} : { payload: JSON.stringify(spell(rest)) };
  const {
    statusCode: status,
    body,
    headers: responseHeaders,
  } = await api.app.inject({ method, url, headers, ...payload });
  if (status >= 400) {
    const { code, detail: message, errors, status: outcome, request_id: requestId } = JSON.parse(body);
    expect([outcome, requestId]).toEqual([status, responseHeaders['x-request-id']]);
    return { status, code, message, errors };
  }
  if (String(responseHeaders['content-type']).startsWith('text/event-stream')) {
    return { status, output: readEvents(body).find(({ event }) => event === 'batch') };
  }
  const output = JSON.parse(body);
  return { status, output: 'results' in output ? fromPage(output) : output };
}

/** Converts a page of REST to tRPC's form, which has cursors instead of links. */
function fromPage({ next, previous, results }: Record<'next' | 'previous' | 'results', unknown>) {
  const cursor = (link: unknown) => (link === null ? null : new URL(String(link)).searchParams.get('cursor'));
  return { items: results, next_cursor: cursor(next), previous_cursor: cursor(previous) };
}

async function callTrpc(path: string, type: string, input: Input): Promise<Outcome> {
  const json = JSON.stringify({ json: input });
  const isMutation = type === 'mutation';
  const {
    statusCode: status,
    body,
    headers: responseHeaders,
  } = await api.app.inject({
    method: isMutation ? 'POST' : 'GET',
    url: `/trpc/${path}${isMutation ? '' : `?input=${encodeURIComponent(json)}`}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(isMutation ? { payload: json } : {}),
  });
  if (type === 'subscription' && status === 200) {
    const [first] = readEvents(body).filter(
      ({ event }) => event === undefined || event === 'serialized-error',
    );
    if (first?.event === 'serialized-error')
      return toError(superjson.deserialize(first.data), responseHeaders);
    const { id, data } = first ?? expect.unreachable();
    return { status, output: { id, event: 'batch', data: spell(superjson.deserialize(data)) } };
  }
  const answer = JSON.parse(body);
  if (answer.error) {
    const outcome = toError(superjson.deserialize(answer.error), responseHeaders);
    expect(outcome.status).toBe(status);
    return outcome;
  }
  return { status, output: spell(superjson.deserialize(answer.result.data)) };
}

interface TrpcError {
  readonly message: string;
  readonly data: {
    httpStatus: number;
    code: string;
    requestId: string;
    errors?: { path: string; message: string }[];
  };
}

/** Spells paths as REST does. Fields that REST has as headers have their header name. */
function toError(error: unknown, headers: Record<string, unknown>) {
  const { message, data } = error as TrpcError;
  expect(data.requestId).toBe(headers['x-request-id']);
  const errors = data.errors?.map((entry) => ({ ...entry, path: HEADERS[entry.path] ?? snake(entry.path) }));
  return { status: data.httpStatus, code: data.code, message, errors };
}

function readEvents(body: string): { id?: string; event?: string; data: SuperJSONResult }[] {
  return body.split('\n\n').flatMap((text) => {
    const fields = Object.fromEntries(text.split('\n').map((line) => line.split(/: ?(.*)/, 2)));
    return fields.data ? [{ ...fields, data: JSON.parse(fields.data) }] : [];
  });
}

/** Hides values that are computed for each request, because they change between two requests. */
function withoutClock(outcome: Outcome): unknown {
  return JSON.parse(JSON.stringify(outcome).replace(/"(eta|until)":(?:null|"[^"]*")/g, '"$1":"a moment"'));
}

/**
 * Hides the ids, times, images and queue positions, which may differ between two objects.
 * Everything else must be equal.
 */
function mask(outcome: Outcome): unknown {
  const names = new Map<string, string>();
  const named = (kind: string) => (found: string) => {
    if (!names.has(found)) names.set(found, `${kind} ${names.size}`);
    return names.get(found) ?? '';
  };
  const text = JSON.stringify(withoutClock(outcome))
    .replace(/[\da-f]{64}/g, named('key'))
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, named('id'))
    .replace(/\/assets\/[^"]+/g, named('picture'))
    .replace(/"queue_position":\d+/g, '"queue_position":"a place"')
    .replace(/"(\w+_ms)":\d+/g, '"$1":"a span"');
  return JSON.parse(text);
}

const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyProcedure>);

test('every procedure has a REST route, and every route a procedure', () => {
  expect(Object.keys(ENDPOINTS).toSorted()).toEqual(procedures.map(([path]) => path).toSorted());
});

describe.each(procedures)('%s', (path, procedure) => {
  const { type, inputs } = procedure._def as unknown as { type: string; inputs: z.ZodType[] };
  const endpoint = () => ENDPOINTS[path] ?? expect.unreachable();

  async function expectAlike([forTrpc, forRest]: Pair, name: string): Promise<Outcome> {
    const overTrpc = await callTrpc(path, type, forTrpc);
    const overRest = await callRest(endpoint(), forRest);
    const ok = endpoint().status ?? 200;
    const expected = overTrpc.status === 200 ? { ...overTrpc, status: ok } : overTrpc;
    const [a, b] =
      forTrpc === forRest && type === 'query'
        ? [withoutClock(overRest), withoutClock(expected)]
        : [mask(overRest), mask(expected)];
    expect.soft(a, name).toEqual(b);
    return overRest;
  }

  test('returns the same for valid requests', async () => {
    let good = 0;
    for (const [name, pair] of Object.entries(await endpoint().pairs())) {
      if ((await expectAlike(pair, name)).status < 300) good += 1;
    }
    expect(good).toBeGreaterThan(0);
  });

  test('returns the same for invalid requests', async () => {
    const schema = z.toJSONSchema(inputs[0] ?? z.object({}), { io: 'input', unrepresentable: 'any' });
    // Values in a path or a header have no type.
    const isLeftOut = (field: string) =>
      field in HEADERS || field === TRPC_ONLY || endpoint().path.includes(`:${field}/`);
    const [forTrpc, forRest] = await endpoint().full();
    const wrongRest = makeWrongInputs(schema, forRest, isLeftOut);
    for (const [i, { name, input }] of makeWrongInputs(schema, forTrpc, isLeftOut).entries()) {
      const isQuery = endpoint().method === 'GET';
      const sent = isQuery ? asTexts(input as Input) : (input as Input);
      const other = isQuery ? sent : (wrongRest[i]?.input as Input);
      const outcome = await expectAlike([sent, other], name);
      expect.soft(outcome.status, name).toBeLessThan(500);
    }
  });
});

/** Values in a query string are always text. */
function asTexts(input: Input): Input {
  return Object.fromEntries(Object.entries(input).map(([field, value]) => [field, String(value)]));
}
