import type { AnyProcedure } from '@trpc/server';
import { eq } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { batches, sources } from '../../src/db/schema/batches.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { productImages, products } from '../../src/db/schema/products.ts';
import { describeApi } from '../../src/http/openapi/describe-api.ts';
import { watchBatchInput } from '../../src/http/operations.ts';
import { REST_ROOT, REST_ROUTES } from '../../src/http/rest-routes.ts';
import { appRouter } from '../../src/http/router.ts';
import { toSnakeCase, withSnakeKeys } from '../../src/lib/snake-keys.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

/*
 * Generated from the router and the REST routes, so new ones are covered automatically. A token of
 * another workspace calls each of them with every id of this one in every field that can contain an
 * id. Neither the answer nor the data may show a trace of it.
 */

let db: TestDatabase;
let api: TestApi;
let owner: TestWorkspace;
let stranger: TestWorkspace;
let ids: string[];
let ownIds: string[];
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api, one: owner, two: stranger } = opened);
  await addQueuedBatch(db, owner.workspaceId, [2]);
  await addQueuedBatch(db, stranger.workspaceId, [1]);
  await finish(db, await claim(db, await addWorker(db)));
  ids = await collectIds(owner.workspaceId);
  ownIds = await collectIds(stranger.workspaceId);
  return opened.close;
});

async function collectIds(workspaceId: string): Promise<string[]> {
  const { orm } = db;
  const rows = await Promise.all([
    orm.select({ id: batches.id }).from(batches).where(eq(batches.workspaceId, workspaceId)),
    orm.select({ id: batches.taskId }).from(batches).where(eq(batches.workspaceId, workspaceId)),
    orm.select({ id: sources.id }).from(sources).where(eq(sources.workspaceId, workspaceId)),
    orm.select({ id: previews.id }).from(previews).where(eq(previews.workspaceId, workspaceId)),
    orm.select({ id: products.id }).from(products).where(eq(products.workspaceId, workspaceId)),
    orm
      .select({ id: productImages.id })
      .from(productImages)
      .innerJoin(products, eq(products.id, productImages.productId))
      .where(eq(products.workspaceId, workspaceId)),
  ]);
  return rows.flat().map((row) => row.id);
}

const dump = async () =>
  JSON.stringify(
    await Promise.all([
      db.orm.select().from(batches).where(eq(batches.workspaceId, owner.workspaceId)),
      db.orm.select().from(sources).where(eq(sources.workspaceId, owner.workspaceId)),
      db.orm.select().from(previews).where(eq(previews.workspaceId, owner.workspaceId)),
      db.orm.select().from(products).where(eq(products.workspaceId, owner.workspaceId)),
    ]),
  );

type Schema = z.core.JSONSchema.BaseSchema;
type Input = Record<string, unknown>;

const toInputSchema = (input: z.ZodType): Schema =>
  z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });

const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyProcedure>);

const VALUES: Readonly<Record<string, string>> = { url: 'https://shop.example/a', headline: 'Mine now' };
const isIdField = (name: string) => /^id$|Id$/.test(name);

/**
 * Makes a valid input from the procedure's own schema, with `id` in every field that can contain an
 * id.
 */
function makeInput(schema: Schema, id: string): unknown {
  if (schema.anyOf) return makeInput(schema.anyOf[0] as Schema, id);
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'object') {
    const required = new Set(schema.required ?? []);
    const entries = Object.entries(schema.properties ?? {}).filter(
      ([name]) => required.has(name) || isIdField(name) || name === 'prefill' || name in VALUES,
    );
    return Object.fromEntries(
      entries.map(([name, inner]) => [name, VALUES[name] ?? makeInput(inner as Schema, id)]),
    );
  }
  if (schema.type === 'array') return [makeInput(schema.items as Schema, id)];
  if (schema.type === 'integer' || schema.type === 'number') return 1;
  if (schema.type === 'boolean') return true;
  return id;
}

/**
 * Makes inputs with `id` in every field that can contain an id, and in each one alone. In the
 * latter, other required fields have an id of the calling workspace.
 */
function makeInputs(schema: Schema, id: string): Input[] {
  const all = makeInput(schema, id) as Input;
  const fields = Object.keys(all).filter(isIdField);
  if (fields.length < 2) return [all];
  const rest = Object.fromEntries(Object.entries(all).filter(([name]) => !fields.includes(name)));
  const alone = fields.flatMap((field) => {
    const others = fields.filter((name) => name !== field && schema.required?.includes(name));
    return (others.length > 0 ? ownIds : ['']).map((own) => ({
      ...rest,
      [field]: id,
      ...Object.fromEntries(others.map((name) => [name, own])),
    }));
  });
  return [all, ...alone];
}

const NOBODY = '018f0000-0000-7000-8000-000000000000';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Expects that ids of another workspace get exactly the same answers as an id that does not exist,
 * and that neither the answers nor the data show a trace of them.
 */
async function expectIsolated(schema: Schema, ask: (input: Input) => Promise<Answer>): Promise<void> {
  const before = await dump();
  const forNobody = makeInputs(schema, NOBODY);
  const takesId = JSON.stringify(forNobody).includes(NOBODY);
  for (const id of ids) {
    for (const [i, input] of makeInputs(schema, id).entries()) {
      const theirs = await ask(input);
      expect(theirs.status).toBeLessThan(500);
      const text = JSON.stringify(theirs.body);
      for (const secret of ids) expect(text).not.toContain(secret);
      if (takesId) expect(theirs).toEqual(await ask(forNobody[i] ?? expect.unreachable()));
      if (input.id === id || input.taskId === id) expect(text).toContain('not_found');
    }
  }
  expect(await dump()).toBe(before);
}

/** All requests have the same id, because it is a part of each answer. */
const headers = { 'x-request-id': 'one' };

test.each(procedures)('%s neither shows nor changes data of another workspace', async (path, procedure) => {
  const { type, inputs } = procedure._def as unknown as { type: string; inputs: z.ZodType[] };
  const isMutation = type === 'mutation';
  await expectIsolated(toInputSchema(inputs[0] ?? z.object({})), async (json) => {
    const input = JSON.stringify({ json });
    const { statusCode: status, body } = await api.app.inject({
      method: isMutation ? 'POST' : 'GET',
      url: `/trpc/${path}${isMutation ? '' : `?input=${encodeURIComponent(input)}`}`,
      headers: {
        ...headers,
        authorization: `Bearer ${stranger.token}`,
        'content-type': 'application/json',
      },
      ...(isMutation ? { payload: input } : {}),
    });
    return { status, body };
  });
});

test.each(procedures)('%s requires a token', async (path, procedure) => {
  const { type } = procedure._def as unknown as { type: string };
  for (const authorization of [undefined, 'Bearer nonsense', `Basic ${owner.token}`, owner.token]) {
    const answer = await api.app.inject({
      method: type === 'mutation' ? 'POST' : 'GET',
      url: `/trpc/${path}?token=${owner.token}`,
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(type === 'mutation' ? { payload: '{"json":{}}' } : {}),
    });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.json().error.json.data.code).toBe('unauthorized');
  }
});

/** Every route of REST, and the route whose answer is a stream. */
const routes = [
  ...REST_ROUTES.map(({ method, path, operation: { input } }) => ({ method, path, input })),
  { method: 'GET' as const, path: '/batch/:id/events/', input: watchBatchInput as z.ZodType },
];

test('tests every route of the API document, and each route is also a procedure', () => {
  const { paths } = describeApi() as { paths: Record<string, object> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    path.startsWith(REST_ROOT) ? Object.keys(methods).map((method) => `${method} ${path}/`) : [],
  );
  const called = routes.map(({ method, path }) => {
    const spelled = path.replace(/:(\w+)/g, (_, name: string) => `{${toSnakeCase(name)}}`);
    return `${method.toLowerCase()} ${REST_ROOT}${spelled}`;
  });
  expect(called.toSorted()).toEqual(described.toSorted());
  expect(procedures).toHaveLength(routes.length);
});

describe('REST answers an id of another workspace exactly like an unknown id', () => {
  test.each(routes)('$method $path', async (route) => {
    const { method, path, input } = route;
    await expectIsolated(toInputSchema(input), async (whole) => {
      // REST sends these in headers, where they are not ids of resources.
      const { idempotencyKey, ifVersion, lastEventId, ...fields } = whole as Record<string, string>;
      let filled = path;
      for (const [, name = ''] of path.matchAll(/:(\w+)/g)) {
        filled = filled.replace(`:${name}`, fields[name] ?? expect.unreachable());
        delete fields[name];
      }
      const sent = withSnakeKeys(fields) as Record<string, string>;
      const address = method === 'GET' ? `${filled}?${new URLSearchParams(sent)}` : filled;
      const { status, body } = await api.rest(
        stranger.token,
        method,
        address,
        method === 'GET' ? undefined : sent,
        headers,
      );
      return { status, body: Buffer.isBuffer(body) ? body.toString() : body };
    });
  });
});
