import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { batchSchema } from '../batches/batch.ts';
import type { BatchEvent } from '../batches/watch-batches.ts';
import { AppError } from '../lib/app-error.ts';
import { toSnakeCase, withSnakeKeys } from '../lib/snake-keys.ts';
import type { Authenticate } from './authenticate.ts';
import { getBaseUrl } from './base-url.ts';
import type { ApiDeps, Caller } from './context.ts';
import { addEntityTags } from './entity-tags.ts';
import { toInputError } from './errors.ts';
import {
  callerSignal,
  responseSignal,
  type ServerSentEvent,
  STREAM_HEADERS,
  sendEvents,
} from './event-stream.ts';
import { headersOf, readHeaders } from './header-inputs.ts';
import type { LimitRequests } from './limit-requests.ts';
import type { LimitStreams } from './limit-streams.ts';
import { watchBatchInput } from './operations.ts';
import { recordSubjects } from './record-subjects.ts';
import { refuseLongArrays } from './refuse-long-arrays.ts';
import { REST_ROOT, REST_ROUTES, type RestRoute } from './rest-routes.ts';
import { snakeCased } from './snake-case.ts';

interface RestOptions {
  readonly deps: ApiDeps;
  readonly authenticate: Authenticate;
  readonly limitRequests: LimitRequests;
  readonly limitStreams: LimitStreams;
  readonly publicUrl: string | undefined;
  /** `REST_ROUTES` if absent. */
  readonly routes?: readonly RestRoute[];
}

/** Registers the REST API: the original paths and names, over the same operations as tRPC. */
export function registerRest(app: FastifyInstance, options: RestOptions): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Runs before the body is read: the body of an unauthenticated request is never parsed.
  app.addHook('onRequest', async (request, reply) => {
    const caller = await options.authenticate(request.headers.authorization);
    callers.set(request, caller);
    await options.limitRequests(request, reply, caller);
  });
  addEntityTags(app);

  function callerOf(request: FastifyRequest): Caller {
    const caller = callers.get(request);
    if (!caller) throw new Error('a request bypassed authentication');
    return caller;
  }

  function register({ method, path, operation, status = 200, version, answer }: RestRoute): void {
    const [, area = ''] = path.split('/');
    const inputSchema = snakeCased(withoutParameters(operation.input, path));
    const pathSchema = snakeCased(pickPathFields(operation.input, path));
    app.route({
      method,
      url: REST_ROOT + path,
      async handler(request, reply) {
        const caller = callerOf(request);
        const baseUrl = getBaseUrl(request, options.publicUrl);
        const context = { deps: options.deps, workspaceId: caller.workspaceId, baseUrl };
        const sent = method === 'GET' ? request.query : (request.body ?? {});
        refuseLongArrays(sent);
        const inPath = pathSchema.safeParse(withSnakeKeys(request.params));
        const parsed = inputSchema.safeParse(sent);
        if (!inPath.success || !parsed.success) throw joinInputErrors(inPath, parsed);
        const whole = {
          ...(parsed.data as object),
          ...readHeaders(request, operation.input),
          ...(inPath.data as object),
        };
        recordSubjects(request, area, whole);
        const output = operation.output.parse(await spellErrors(operation.run(context, whole)));
        recordSubjects(request, area, output);
        if (version) reply.header('etag', `"${version(output)}"`);
        reply.code(status);
        return withSnakeKeys(answer ? answer(reply, output, baseUrl, request) : output);
      },
    });
  }
  for (const route of options.routes ?? REST_ROUTES) register(route);

  app.route({
    method: ['GET', 'HEAD'],
    url: `${REST_ROOT}/batch/:id/events/`,
    async handler(request, reply) {
      const caller = callerOf(request);
      const parsed = watchBatchInput.safeParse({
        ...readHeaders(request, watchBatchInput),
        ...asObject(request.params),
      });
      if (!parsed.success) throw toInputError(parsed.error);
      const input = parsed.data;
      recordSubjects(request, 'batch', input);
      const { batchWatch, tokenWatch } = options.deps;
      const { workspaceId } = caller;
      if (request.method === 'HEAD') {
        const { isOver } = await batchWatch.watch({ workspaceId, ...input, signal: AbortSignal.abort() });
        return isOver ? reply.code(204).send() : reply.headers(STREAM_HEADERS).send();
      }
      options.limitStreams(reply, caller);
      const signal = callerSignal(tokenWatch, caller, responseSignal(reply));
      const { isOver, events } = await batchWatch.watch({ workspaceId, ...input, signal });
      // 204 tells a browser's `EventSource` that has received the last event not to reconnect.
      return isOver ? reply.code(204).send() : sendEvents(reply, writeBatchEvents(events));
    },
  });
}

/** The serialized data of each event, shared by all watchers. */
const written = new WeakMap<BatchEvent, string>();

async function* writeBatchEvents(events: AsyncIterable<BatchEvent>): AsyncGenerator<ServerSentEvent> {
  for await (const event of events) {
    let data = written.get(event);
    if (data === undefined) {
      data = JSON.stringify(withSnakeKeys(batchSchema.parse(event.batch)));
      written.set(event, data);
    }
    yield { id: event.id, name: 'batch', data };
  }
}

/** Converts the field names in an operation's error to snake_case. */
async function spellErrors<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof AppError) || error.errors.length === 0) throw error;
    const errors = error.errors.map(({ path, message }) => ({
      path: path.map((key) => (typeof key === 'string' ? toSnakeCase(key) : key)),
      message,
    }));
    throw new AppError(error.code, { detail: error.message, errors, cause: error });
  }
}

/**
 * Returns the schema of the query or body: the input without the fields that come from the path and
 * the headers.
 */
export function withoutParameters(input: z.ZodType, path: string): z.ZodType {
  if (!(input instanceof z.ZodObject)) return input;
  const named = namesInPath(path);
  for (const [field] of headersOf(input)) named[field] = true;
  return input.omit(named as Parameters<typeof input.omit>[0]);
}

/** Returns the schema of the fields in the path. Throws if the input lacks one of them. */
function pickPathFields(input: z.ZodType, path: string): z.ZodType {
  const named = namesInPath(path);
  if (Object.keys(named).length === 0) return z.object({});
  if (!(input instanceof z.ZodObject)) throw new Error(`the input of ${path} has no fields`);
  return input.pick(named as Parameters<typeof input.pick>[0]);
}

function namesInPath(path: string): Record<string, true> {
  return Object.fromEntries([...path.matchAll(/(?<=:)\w+/g)].map(([name]) => [name, true]));
}

/** Returns one error with all wrong fields of a request, as over tRPC. */
function joinInputErrors(...parts: readonly z.ZodSafeParseResult<unknown>[]): AppError {
  return toInputError(new z.ZodError(parts.flatMap(({ error }) => error?.issues ?? [])));
}

function asObject(value: unknown): object {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}
