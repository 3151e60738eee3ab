import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { fastify } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { sendProblem } from '../../src/http/problem.ts';
import { registerRest } from '../../src/http/rest.ts';
import { REST_ROOT, type RestRoute } from '../../src/http/rest-routes.ts';
import { addRequestId, createRouter, procedure, type TrpcContext } from '../../src/http/trpc.ts';
import { withSnakeKeys } from '../../src/lib/snake-keys.ts';
import { quietLog } from '../support/quiet-log.ts';

/*
 * The existing routes accept ids of any text. This test adds a route with a stricter path field, to
 * show that both APIs check path fields against the schema of the operation.
 */

const operation = {
  input: z.strictObject({
    thingId: z
      .string()
      .regex(/^t\d+$/, { error: 'must be t and a number' })
      .transform((text) => Number(text.slice(1))),
    partNumber: z.coerce.number().int().max(9),
    newName: z.string().min(1).optional(),
  }),
  output: z.object({ thingId: z.number(), partNumber: z.number(), newName: z.string().optional() }),
  run: async (_context: unknown, input: { thingId: number; partNumber: number; newName?: string }) => input,
};
const route = {
  method: 'PATCH',
  path: '/things/:thingId/parts/:partNumber/',
  operation,
  operationId: 'patchThing',
  tag: 'Products',
  summary: 'Change a thing',
  errors: [],
  answers: 'Product',
} as unknown as RestRoute;

const app = fastify({ routerOptions: { ignoreTrailingSlash: true } });
beforeAll(async () => {
  app.setErrorHandler((error, request, reply) =>
    sendProblem({ log: quietLog, publicUrl: undefined }, error, request, reply),
  );
  const caller = { workspaceId: 'w', tokenId: 't' };
  registerRest(app, {
    deps: {},
    authenticate: async () => caller,
    limitRequests: async () => {},
    limitStreams: () => {},
    publicUrl: undefined,
    routes: [route],
  } as unknown as Parameters<typeof registerRest>[1]);
  await app.ready();
});
afterAll(() => app.close());

const router = createRouter({
  patch: procedure
    .input(operation.input)
    .output(operation.output)
    .mutation(({ input }) => operation.run(undefined, input as Parameters<typeof operation.run>[1])),
});

async function askTrpc(input: object) {
  const context = {
    recordSubjects: () => {},
    inTurn: (run: () => unknown) => run(),
  } as unknown as TrpcContext;
  const answer = await fetchRequestHandler({
    endpoint: '/trpc',
    router,
    req: new Request('http://x/trpc/patch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ json: input }),
    }),
    createContext: () => context,
    onError: ({ error }) => addRequestId(error, 'one'),
  });
  // biome-ignore lint/suspicious/noExplicitAny: an output or an error
  const { error, result } = (await answer.json()) as any;
  if (!error) return result.data.json;
  const { httpStatus: status, code, errors } = error.json.data;
  return { status, code, message: error.json.message, errors };
}

async function askRest({ thingId, partNumber, ...body }: Record<string, unknown>) {
  const answer = await app.inject({
    method: 'PATCH',
    url: `${REST_ROOT}/things/${thingId}/parts/${partNumber}/`,
    payload: withSnakeKeys(body) as object,
  });
  const { status, code, detail: message, errors, ...output } = answer.json();
  return status ? { status, code, message, errors } : output;
}

test('checks and transforms path fields by the schema of the operation', async () => {
  const input = { thingId: 't7', partNumber: '3' };
  expect(await askTrpc(input)).toEqual({ thingId: 7, partNumber: 3 });
  expect(await askRest(input)).toEqual({ thing_id: 7, part_number: 3 });
});

test.each<[what: string, input: Record<string, unknown>, paths: string[]]>([
  ['one field', { thingId: 'x', partNumber: '3' }, ['thing_id']],
  ['both', { thingId: 'x', partNumber: '10' }, ['thing_id', 'part_number']],
  ['one, and one in the body', { thingId: 't7', partNumber: 'x', newName: '' }, ['part_number', 'new_name']],
])('refuses an invalid path field as over tRPC: %s', async (_what, input, paths) => {
  const overRest = await askRest(input);
  expect(overRest).toMatchObject({ status: 400, code: 'validation' });
  expect(overRest.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
  const overTrpc = await askTrpc(input);
  const spelled = overTrpc.errors.map(({ path, message }: { path: string; message: string }) => ({
    path: path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    message,
  }));
  expect({ ...overTrpc, errors: spelled }).toEqual(overRest);
});

test('detects at the start a path with a field that the operation does not have', () => {
  const options = { routes: [{ ...route, path: '/things/:nothing/' }] } as unknown as Parameters<
    typeof registerRest
  >[1];
  expect(() => registerRest(fastify(), options)).toThrow('nothing');
});
