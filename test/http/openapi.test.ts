import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeApi } from '../../src/http/openapi/describe-api.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';

interface Schema {
  readonly [keyword: string]: unknown;
}
interface DescribedOperation {
  readonly operationId: string;
  readonly parameters: { name: string; in: string; schema: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> };
  readonly responses: Record<string, { content?: Record<string, { schema: Schema; example?: unknown }> }>;
}

const file = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url));
const api = describeApi() as unknown as {
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, Schema> };
};
const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
/** The operations whose answers are JSON. */
const called = operations.filter(({ operation: { responses } }) =>
  Object.values(responses).some(({ content }) => 'application/json' in (content ?? {})),
);

// Links to pages and addresses are absolute. The format `uri` accepts all of them.
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'api', components: api.components });
const validate = (schema: Schema, value: unknown) => {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"api#/components');
  const check = ajv.compile(JSON.parse(text) as Schema);
  return check(value) ? [] : check.errors;
};

let server: TestApi;
let token: string;
let ids: string[];
beforeAll(async () => {
  const opened = await openTestApi();
  const { db, one } = opened;
  server = opened.api;
  token = one.token;
  const batch = await addQueuedBatch(db, one.workspaceId, [2, 1]);
  await finish(db, await claim(db, await addWorker(db), 2));
  const previews = (await server.rest(token, 'GET', '/previews/')).body.results;
  ids = [batch.id, batch.taskId, ...previews.flatMap((p: Record<string, string>) => [p.id, p.product_id])];
  return opened.close;
});

describe('the document', () => {
  test('is committed as the schemas have it: npm run docs:openapi', async () => {
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(api)));
  });

  test("is clean by Redocly's recommended rules", () => {
    const { status, stdout, stderr } = spawnSync('redocly', ['lint', file, '--format=json'], {
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    });
    expect([status, stderr.includes('warning')], stdout + stderr).toEqual([0, false]);
  });

  test('is served with the address it was asked at', async () => {
    const { body } = await server.rest(undefined, 'GET', '//openapi.json');
    expect(body.servers).toEqual([{ url: 'https://cta.example' }]);
    expect(body.paths).toEqual(JSON.parse(JSON.stringify(api.paths)));
  });

  test('can be read without any other server', async () => {
    const page = await server.app.inject('/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("connect-src 'self'");
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const script = /src="([^"]+\.js)"/.exec(page.body)?.[1] ?? '';
    const { pathname } = new URL(script, 'http://x/docs/');
    const answer = await server.app.inject(pathname);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      200,
      expect.stringContaining('javascript'),
    ]);
  });

  test('lists one content type for each request body, which some generators need to send any', () => {
    const bodies = operations.flatMap(({ operation: { operationId, requestBody } }) =>
      requestBody ? [[operationId, Object.keys(requestBody.content)]] : [],
    );
    expect(bodies.length).toBeGreaterThan(3);
    expect(bodies).toEqual(bodies.map(([operationId]) => [operationId, ['application/json']]));
  });

  test('has examples that are what their schemas say', () => {
    let examples = 0;
    for (const { operation } of called) {
      const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((one) =>
        Object.values(one?.content ?? {}),
      );
      for (const { schema, example } of contents) {
        if (example === undefined) continue;
        examples += 1;
        expect(validate(schema, example), operation.operationId).toEqual([]);
      }
    }
    expect(examples).toBeGreaterThan(5);
  });
});

/** Generates values for a schema, most of them valid. Guesses their meaning by name. */
function valuesOf(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  const wild = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string(),
    fc.constantFrom('', null, -1, 1e9, [], {}),
  );
  return fc.oneof({ weight: 9, arbitrary: tame(schema, name) }, { weight: 1, arbitrary: wild });
}

function tame(schema: Schema, name: string): fc.Arbitrary<unknown> {
  if (Array.isArray(schema.anyOf))
    return fc.oneof(...schema.anyOf.map((one) => valuesOf(one as Schema, name)));
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (schema.type === 'object') {
    const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
    const required = (schema.required ?? []) as string[];
    return fc.record(Object.fromEntries(properties.map(([key, inner]) => [key, valuesOf(inner, key)])), {
      requiredKeys: required,
    });
  }
  if (schema.type === 'array') {
    return fc.array(valuesOf(schema.items as Schema, name), { minLength: 1, maxLength: 3 });
  }
  if (schema.type === 'integer') return fc.integer({ min: 0, max: 12 });
  if (schema.type === 'null') return fc.constant(null);
  if (/url/.test(name)) return fc.constantFrom('https://shop.example/a', 'http://127.0.0.1/', 'nonsense');
  if (/locale/.test(name)) return fc.constantFrom('en', 'de-AT', 'x_y');
  if (/cursor/.test(name)) return fc.constantFrom('abc', '');
  if (/id$/.test(name)) return fc.constantFrom(...ids, '018f0000-0000-7000-8000-000000000000', 'x');
  if (['background', 'text', 'button', 'button_text'].includes(name))
    return fc.constantFrom('#00ff99', 'red');
  return fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
}

/**
 * Replaces a segment of only dots: clients resolve it before sending, which leads to another path.
 */
function toSegment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/^\.{0,2}$/, 'x');
}

test.each(called)('$method $path answers as the document says, whatever it is sent', async (where) => {
  const { method, path, operation } = where;
  const body = operation.requestBody?.content['application/json']?.schema;
  const input = fc.record({
    parameters: fc.record(
      Object.fromEntries(
        operation.parameters
          .filter((one) => one.in !== 'header')
          .map(({ name, schema }) => [name, valuesOf(schema, path.includes(`{${name}}`) ? 'id' : name)]),
      ),
      { requiredKeys: operation.parameters.filter((one) => one.in === 'path').map((one) => one.name) },
    ),
    body: body ? valuesOf(body) : fc.constant(undefined),
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ parameters, body: sent }) => {
      const query = new URLSearchParams();
      let address = path;
      for (const [name, value] of Object.entries(parameters)) {
        const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
        if (path.includes(`{${name}}`)) address = address.replace(`{${name}}`, () => toSegment(text));
        else query.set(name, text.toWellFormed());
      }
      const answer = await server.rest(
        token,
        method.toUpperCase() as 'GET',
        `/${address}${query.size > 0 ? `?${query}` : ''}`,
        sent === undefined ? undefined : JSON.stringify(sent),
      );
      expect(answer.status).toBeLessThan(500);
      const documented = operation.responses[String(answer.status)];
      expect(documented, `${answer.status} is not in the document`).toBeDefined();
      const [type, content] = Object.entries(documented?.content ?? {})[0] ?? [];
      expect(answer.headers['content-type']).toContain(type);
      expect(answer.headers['x-request-id']).toBeDefined();
      expect(validate(content?.schema ?? {}, answer.body)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
