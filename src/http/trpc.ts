import { initTRPC, TRPCError } from '@trpc/server';
import type { LimitFunction } from 'p-limit';
import superjson from 'superjson';
import { z } from 'zod';
import { AppError, describeError, type ErrorCode } from '../lib/app-error.ts';
import type { ApiDeps, Caller } from './context.ts';
import { toInputError, toRequestError } from './errors.ts';
import { HEARTBEAT_MS } from './event-stream.ts';
import { InvalidInput, readTrpcInput } from './read-trpc-input.ts';
import { refuseLongArrays } from './refuse-long-arrays.ts';
import type { TrpcErrorShape } from './trpc-error-shape.ts';

/** The context of a tRPC call. */
export interface TrpcContext {
  readonly deps: ApiDeps;
  readonly caller: Caller;
  readonly workspaceId: string;
  readonly baseUrl: string;
  /** Runs the calls of a request, only a few at the same time. */
  readonly inTurn: LimitFunction;
  /** Records the subject of a call; see `recordSubjects`. */
  recordSubjects(area: string, names: unknown): void;
}

/** The request id of each error. tRPC formats some errors before there is a context. */
const requestIds = new WeakMap<TRPCError, string>();

/** Records the request of an error. The caller must call it before the error is formatted. */
export function addRequestId(error: TRPCError, requestId: string): void {
  requestIds.set(error, requestId);
}

const t = initTRPC.context<TrpcContext>().create({
  transformer: {
    serialize: (value: unknown) => superjson.serialize(value),
    // Not superjson, because clients could send any annotations.
    deserialize: readTrpcInput,
  },
  sse: {
    ping: { enabled: true, intervalMs: HEARTBEAT_MS },
    client: { reconnectAfterInactivityMs: HEARTBEAT_MS * 2.5 },
  },
  // Never include a stack in a response, whatever NODE_ENV is.
  isDev: false,
  errorFormatter({ shape, error }): TrpcErrorShape {
    const problem = toTrpcProblem(error);
    const errors = problem.errors.map(({ path, message }) => ({ path: path.join('.'), message }));
    const { httpStatus } = describeError(problem.code);
    return {
      ...shape,
      message: problem.message,
      data: {
        ...(shape.data.path === undefined ? {} : { path: shape.data.path }),
        code: problem.code,
        httpStatus,
        requestId: requestIds.get(error) ?? '',
        ...(errors.length > 0 ? { errors } : {}),
      },
    };
  },
});

/** tRPC's own errors that the client causes. */
const TRPC_CODES: Partial<Record<TRPCError['code'], ErrorCode>> = {
  PARSE_ERROR: 'invalid_json',
  BAD_REQUEST: 'validation',
  NOT_FOUND: 'not_found',
  METHOD_NOT_SUPPORTED: 'method_not_allowed',
  UNSUPPORTED_MEDIA_TYPE: 'unsupported_media_type',
  PAYLOAD_TOO_LARGE: 'payload_too_large',
};

function toTrpcProblem(error: TRPCError): AppError {
  if (error.cause instanceof AppError) return error.cause;
  if (error.code === 'BAD_REQUEST' && error.cause instanceof z.ZodError) return toInputError(error.cause);
  // tRPC reports invalid JSON as BAD_REQUEST with the parser's error.
  const code = error.cause instanceof SyntaxError ? 'invalid_json' : TRPC_CODES[error.code];
  return code ? new AppError(code, { cause: error }) : toRequestError(error.cause ?? error);
}

/** Gives our errors the tRPC code and HTTP status of the error table. */
const named = t.middleware(async ({ next }) => {
  const result = await next();
  if (result.ok || result.error.code !== 'INTERNAL_SERVER_ERROR') return result;
  const problem = toRequestError(result.error.cause);
  throw new TRPCError({
    code: describeError(problem.code).trpcCode,
    message: problem.message,
    cause: problem,
  });
});

/** One request with many calls must not use every connection to the database. */
const inTurn = t.middleware(({ ctx, type, next }) =>
  type === 'subscription' ? next() : ctx.inTurn(() => next()),
);

/** Refuses an unreadable input and one with a long array before a schema checks it. */
const bounded = t.middleware(async ({ getRawInput, next }) => {
  const input = await getRawInput();
  if (input instanceof InvalidInput) throw input.error;
  refuseLongArrays(input);
  return next();
});

/** Records the subject of a call from its input and its output. */
const recorded = t.middleware(async ({ ctx, path, getRawInput, next }) => {
  const [area = ''] = path.split('.');
  ctx.recordSubjects(area, await getRawInput());
  const result = await next();
  if (result.ok) ctx.recordSubjects(area, result.data);
  return result;
});

export const createRouter = t.router;

/** A procedure for callers with a valid token, which `registerTrpc` has checked. None is public. */
export const procedure = t.procedure.use(named).use(bounded).use(inTurn).use(recorded);
