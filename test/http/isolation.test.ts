import type { AnyProcedure } from '@trpc/server';
import { eq } from 'drizzle-orm';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { batches, sources } from '../../src/db/schema/batches.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { productImages, products } from '../../src/db/schema/products.ts';
import { appRouter } from '../../src/http/router.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';
import type { TestDatabase, TestWorkspace } from '../support/test-database.ts';

/*
 * Generated from the router: a procedure that is added is covered by itself. Each one is called by a stranger with
 * every id of another workspace in every field that can hold one; neither the answer nor the data may show a trace.
 */

let db: TestDatabase;
let api: TestApi;
let owner: TestWorkspace;
let stranger: TestWorkspace;
let ids: string[];
beforeAll(async () => {
  const opened = await openTestApi();
  ({ db, api, one: owner, two: stranger } = opened);
  await addQueuedBatch(db, owner.workspaceId, [2]);
  await finish(db, await claim(db, await addWorker(db)));
  ids = await collectIds();
  return opened.close;
});

async function collectIds(): Promise<string[]> {
  const rows = await Promise.all([
    db.orm.select({ id: batches.id }).from(batches),
    db.orm.select({ id: batches.taskId }).from(batches),
    db.orm.select({ id: sources.id }).from(sources),
    db.orm.select({ id: previews.id }).from(previews),
    db.orm.select({ id: products.id }).from(products),
    db.orm.select({ id: productImages.id }).from(productImages),
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

const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyProcedure>);

/** A valid input made from the procedure's own schema, with `id` in every field that can hold an id. */
function makeInput(schema: z.core.JSONSchema.BaseSchema, id: string): unknown {
  if (schema.anyOf) return makeInput(schema.anyOf[0] as z.core.JSONSchema.BaseSchema, id);
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'object') {
    const required = new Set(schema.required ?? []);
    const entries = Object.entries(schema.properties ?? {}).filter(
      ([name]) => required.has(name) || /Id$/.test(name) || name === 'headline',
    );
    return Object.fromEntries(
      entries.map(([name, inner]) => [
        name,
        name === 'url' ? 'https://shop.example/a' : makeInput(inner as typeof schema, id),
      ]),
    );
  }
  if (schema.type === 'array') return [makeInput(schema.items as typeof schema, id)];
  if (schema.type === 'integer' || schema.type === 'number') return 1;
  if (schema.type === 'boolean') return true;
  return id;
}

test('the router has procedures', () => {
  expect(procedures.length).toBeGreaterThanOrEqual(7);
});

test.each(procedures)('%s shows and changes nothing of another workspace', async (path, procedure) => {
  const { type, inputs } = procedure._def as unknown as { type: string; inputs: z.ZodType[] };
  const schema = z.toJSONSchema(inputs[0] ?? z.object({}), { io: 'input', unrepresentable: 'any' });
  const before = await dump();
  for (const id of ids) {
    const input = JSON.stringify({ json: makeInput(schema, id) });
    const query = type === 'mutation' ? '' : `?input=${encodeURIComponent(input)}`;
    const answer = await api.app.inject({
      method: type === 'mutation' ? 'POST' : 'GET',
      url: `/trpc/${path}${query}`,
      headers: { authorization: `Bearer ${stranger.token}`, 'content-type': 'application/json' },
      ...(type === 'mutation' ? { payload: input } : {}),
    });
    // A stream has begun when it is looked at: it ends with the refusal.
    if (type === 'subscription') expect(answer.body).toContain('"code":"not_found"');
    expect([200, 404]).toContain(answer.statusCode);
    for (const secret of ids) expect(answer.body).not.toContain(secret);
    if (answer.statusCode === 404) {
      expect(answer.json().error.json.data.code).toBe('not_found');
    }
  }
  expect(await dump()).toBe(before);
});

test.each(procedures)('%s asks for a token', async (path, procedure) => {
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

test('over REST an id of another workspace is answered exactly like an id that nobody has', async () => {
  const nobody = '018f0000-0000-7000-8000-000000000000';
  // All with one id, as that is a part of each answer.
  const ask = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) =>
    api.rest(stranger.token, method, path, body, { 'x-request-id': 'one' });
  for (const id of ids) {
    for (const path of [
      `/batch/ID/`,
      `/previews/ID/`,
      `/tasks/ID/`,
      `/previews/?bulk_task_id=ID`,
      `/previews/?product_id=ID`,
    ]) {
      const theirs = await ask('GET', path.replace('ID', id));
      const nobodys = await ask('GET', path.replace('ID', nobody));
      expect([theirs.status, theirs.body]).toEqual([nobodys.status, nobodys.body]);
    }
    for (const path of ['batch/ID/cancel', 'batch/ID/retry', 'previews/ID/cancel', 'previews/ID/retry']) {
      const theirs = await ask('POST', `/${path.replace('ID', id)}/`);
      const nobodys = await ask('POST', `/${path.replace('ID', nobody)}/`);
      expect([theirs.status, theirs.body]).toEqual([nobodys.status, nobodys.body]);
    }
    const patch = { prefill: { headline: 'Mine now' } };
    const theirs = await ask('PATCH', `/previews/${id}/`, patch);
    const nobodys = await ask('PATCH', `/previews/${nobody}/`, patch);
    expect([theirs.status, theirs.body]).toEqual([nobodys.status, nobodys.body]);
  }
});
