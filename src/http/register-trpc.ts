import type { AnyProcedure } from '@trpc/server';
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, describeError } from '../lib/app-error.ts';
import type { Authenticate } from './authenticate.ts';
import { getBaseUrl } from './base-url.ts';
import type { ApiDeps, Caller } from './context.ts';
import type { LimitRequests } from './limit-requests.ts';
import type { LimitStreams } from './limit-streams.ts';
import { noteSubjects } from './note-subjects.ts';
import { decodeUtf8 } from './parse-body.ts';
import { prepareProblem } from './problem.ts';
import { appRouter } from './router.ts';
import { nameErrorRequest } from './trpc.ts';
import type { TrpcErrorShape } from './trpc-error-shape.ts';

interface TrpcOptions {
  readonly deps: ApiDeps;
  readonly authenticate: Authenticate;
  readonly limitRequests: LimitRequests;
  readonly limitStreams: LimitStreams;
  readonly publicUrl: string | undefined;
}

/** Calls in one request. Our client splits longer batches by the length of the address long before. */
const MOST_CALLS = 100;

/** Where the tRPC door is: the names of the calls are one segment. */
export const TRPC_ROUTE = '/trpc/:path';

/** Every procedure by its path. */
const PROCEDURES = appRouter._def.procedures as unknown as Record<string, AnyProcedure>;

/** Whether this is the path of a procedure. */
export function isProcedure(path: string): boolean {
  return Object.hasOwn(PROCEDURES, path);
}

/** The procedures that answer with a stream of events. */
const STREAMS: ReadonlySet<string> = new Set(
  Object.entries(PROCEDURES).flatMap(([path, procedure]) =>
    procedure._def.type === 'subscription' ? [path] : [],
  ),
);

/** The tRPC door under `/trpc`, with batching. */
export function registerTrpc(app: FastifyInstance, options: TrpcOptions): void {
  // tRPC parses bodies itself; what it must not do is to repair broken UTF-8.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, decodeUtf8(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  // What fails before a procedure is found must be readable for tRPC's clients too.
  app.setErrorHandler(async (error, request, reply) => {
    const problem = await prepareProblem(options.deps.log, error, request, reply);
    const { httpStatus } = describeError(problem.code);
    const data = { code: problem.code, httpStatus, requestId: request.id };
    const shape: TrpcErrorShape = { message: problem.message, code: -32_600, data };
    return reply.code(httpStatus).send({ error: { json: shape } });
  });
  /**
   * Finds out who calls, and counts the request: many calls in one count as one. Who may not come in is told so by each
   * procedure; a subscription could say it only in a stream.
   */
  async function admit(request: FastifyRequest, reply: FastifyReply, path: string): Promise<() => Caller> {
    try {
      const caller = await options.authenticate(request.headers.authorization);
      await options.limitRequests(request, reply, caller);
      if (STREAMS.has(path)) options.limitStreams(reply, caller);
      return () => caller;
    } catch (error) {
      const isRefused = error instanceof AppError && error.code === 'unauthorized';
      if (STREAMS.has(path) || !isRefused) throw error;
      return () => {
        throw error;
      };
    }
  }

  app.route<{ Params: { path: string } }>({
    method: ['GET', 'POST'],
    url: TRPC_ROUTE,
    exposeHeadRoute: false,
    async handler(request, reply) {
      const identify = await admit(request, reply, request.params.path);
      // Not kept after the stream: a program that stops would wait for it.
      if (STREAMS.has(request.params.path)) reply.header('connection', 'close');
      await fastifyRequestHandler({
        router: appRouter,
        req: request,
        res: reply,
        path: request.params.path,
        maxBatchSize: MOST_CALLS,
        createContext: () => ({
          deps: options.deps,
          identify,
          baseUrl: getBaseUrl(request, options.publicUrl),
          note: (area: string, names: unknown) => noteSubjects(request, area, names),
        }),
        responseMeta: ({ errors }) =>
          errors.some((error) => error.code === 'UNAUTHORIZED')
            ? { headers: { 'www-authenticate': 'Bearer' } }
            : {},
        onError({ error, path }) {
          nameErrorRequest(error, request.id);
          if (error.code === 'INTERNAL_SERVER_ERROR') {
            const fields = { err: error.cause ?? error, requestId: request.id, path };
            options.deps.log.error(fields, 'a procedure failed');
          }
        },
      });
      return reply;
    },
  });
}
