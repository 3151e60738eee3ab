import type { AnyProcedure } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import pLimit from 'p-limit';
import { AppError, describeError } from '../lib/app-error.ts';
import type { Authenticate } from './authenticate.ts';
import { getBaseUrl } from './base-url.ts';
import type { ApiDeps, Caller } from './context.ts';
import type { LimitRequests } from './limit-requests.ts';
import type { LimitStreams } from './limit-streams.ts';
import { decodeUtf8 } from './parse-body.ts';
import { prepareProblem } from './problem.ts';
import { InvalidInput, readTrpcInput } from './read-trpc-input.ts';
import { recordSubjects } from './record-subjects.ts';
import { appRouter } from './router.ts';
import { addRequestId } from './trpc.ts';
import type { TrpcErrorShape } from './trpc-error-shape.ts';

interface TrpcOptions {
  readonly deps: ApiDeps;
  readonly authenticate: Authenticate;
  readonly limitRequests: LimitRequests;
  readonly limitStreams: LimitStreams;
  readonly publicUrl: string | undefined;
}

/** Calls in one request. The typed client sends no more. */
const MAX_CALLS = 100;
/** Calls in one request that change something. Each may create a batch of 50 previews. */
const MAX_MUTATIONS = 10;
/** Calls of one request that run at the same time. The pool has ten connections by default. */
const CALLS_AT_ONCE = 4;

/** The route of the tRPC API. The names of batched calls are one path segment. */
export const TRPC_ROUTE = '/trpc/:path';

/** Every procedure by its path. */
const PROCEDURES = appRouter._def.procedures as unknown as Record<string, AnyProcedure>;

function getProcedure(path: string): AnyProcedure | undefined {
  return Object.hasOwn(PROCEDURES, path) ? PROCEDURES[path] : undefined;
}

/** Returns the paths of the procedures that a request calls. A batch separates them with commas. */
function listCalls(request: FastifyRequest): string[] {
  const { path = '' } = request.params as { path?: string };
  const { batch } = request.query as { batch?: unknown };
  return [batch].flat().includes('1') ? path.split(',') : [path];
}

/** Throws for an unreadable input: after a stream has begun, its status can no longer say so. */
function refuseStreamInput(request: FastifyRequest): void {
  const { input } = request.query as { input?: unknown };
  if (typeof input !== 'string') return;
  let sent: unknown;
  try {
    sent = JSON.parse(input);
  } catch (cause) {
    throw new AppError('invalid_json', { cause });
  }
  const read = readTrpcInput(sent);
  if (read instanceof InvalidInput) throw read.error;
}

function tooMany(what: string, max: number): AppError {
  return new AppError('validation', {
    detail: `A request can have at most ${max} ${what}. Send several requests.`,
  });
}

/** Returns whether this is the path of a procedure. */
export function isProcedure(path: string): boolean {
  return Object.hasOwn(PROCEDURES, path);
}

/** The procedures that respond with an event stream. */
const STREAMS: ReadonlySet<string> = new Set(
  Object.entries(PROCEDURES).flatMap(([path, procedure]) =>
    procedure._def.type === 'subscription' ? [path] : [],
  ),
);

/** Serves the tRPC API under `/trpc`, with batching. */
export function registerTrpc(app: FastifyInstance, options: TrpcOptions): void {
  // tRPC parses bodies itself, but it must not repair invalid UTF-8.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, decodeUtf8(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  // Errors before a procedure is found must have the format of tRPC's clients too.
  app.setErrorHandler(async (error, request, reply) => {
    const problem = await prepareProblem(options.deps.log, error, request, reply);
    const { httpStatus } = describeError(problem.code);
    const data = { code: problem.code, httpStatus, requestId: request.id };
    const shape: TrpcErrorShape = { message: problem.message, code: -32_600, data };
    return reply.code(httpStatus).send({ error: { json: shape } });
  });
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Runs before any input is read. A subscription could report these errors only in its stream.
  app.addHook('onRequest', async (request, reply) => {
    const caller = await options.authenticate(request.headers.authorization);
    callers.set(request, caller);
    const calls = listCalls(request);
    if (calls.length > MAX_CALLS) throw tooMany('calls', MAX_CALLS);
    const mutations = calls.filter((path) => getProcedure(path)?._def.type === 'mutation');
    if (mutations.length > MAX_MUTATIONS) throw tooMany('mutations', MAX_MUTATIONS);
    await options.limitRequests(request, reply, caller, calls.length);
  });

  app.route<{ Params: { path: string } }>({
    method: ['GET', 'POST'],
    url: TRPC_ROUTE,
    exposeHeadRoute: false,
    async handler(request, reply) {
      const caller = callers.get(request);
      if (!caller) throw new Error('a request bypassed authentication');
      if (STREAMS.has(request.params.path)) {
        refuseStreamInput(request);
        // After a stream has begun, only events can be sent.
        options.limitStreams(reply, caller);
        // A stopping program would wait for a connection that stays open after its stream.
        reply.header('connection', 'close');
      }
      const inTurn = pLimit(CALLS_AT_ONCE);
      await fastifyRequestHandler({
        router: appRouter,
        req: request,
        res: reply,
        path: request.params.path,
        maxBatchSize: MAX_CALLS,
        createContext: () => ({
          deps: options.deps,
          caller,
          workspaceId: caller.workspaceId,
          baseUrl: getBaseUrl(request, options.publicUrl),
          inTurn,
          recordSubjects: (area: string, names: unknown) => recordSubjects(request, area, names),
        }),
        onError({ error, path }) {
          addRequestId(error, request.id);
          if (error.code === 'INTERNAL_SERVER_ERROR') {
            const fields = { err: error.cause ?? error, requestId: request.id, path };
            options.deps.log.error(fields, 'procedure failed');
          }
        },
      });
      return reply;
    },
  });
}
