import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
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
import { type ServerSentEvent, sendEvents, watchCaller } from './event-stream.ts';
import { headersOf, readHeaders } from './header-inputs.ts';
import type { LimitRequests } from './limit-requests.ts';
import {
  cancelBatchOperation,
  cancelPreviewOperation,
  createBatchOperation,
  getBatchOperation,
  getLimitsOperation,
  getPreviewOperation,
  getProductOperation,
  getTaskOperation,
  listBatchesOperation,
  listPreviewsOperation,
  type Operation,
  patchPreviewOperation,
  retryBatchOperation,
  retryPreviewOperation,
  watchBatchInput,
} from './operations.ts';
import { snakeCased } from './snake-case.ts';

const ROOT = '/api/llm-editor/cta';

interface RestOptions {
  readonly deps: ApiDeps;
  readonly authenticate: Authenticate;
  readonly limitRequests: LimitRequests;
  readonly publicUrl: string | undefined;
}

/** What a route adds to its operation: where the input is, and what the answer looks like beside its body. */
interface Route<O extends z.ZodType> {
  /** The input as the client spelled it, beside the path's parameters; the query by default. */
  input?(request: FastifyRequest): unknown;
  /** For the `ETag`, where changes go by it. */
  version?(output: z.output<O>): number;
  answer?(reply: FastifyReply, output: z.output<O>, baseUrl: string, request: FastifyRequest): unknown;
}

/** The REST door: the original paths and names over the same operations as tRPC. */
export function registerRest(app: FastifyInstance, options: RestOptions): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Before the body is read: who may not come in is not listened to.
  app.addHook('onRequest', async (request, reply) => {
    const caller = await options.authenticate(request.headers.authorization);
    callers.set(request, caller);
    await options.limitRequests(request, reply, caller);
  });
  addEntityTags(app);

  function route<I extends z.ZodType, O extends z.ZodType>(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    operation: Operation<I, O>,
    { input = (request) => request.query, version, answer }: Route<O> = {},
  ): void {
    const inputSchema = snakeCased(withoutParameters(operation.input, path));
    app.route({
      method,
      url: ROOT + path,
      async handler(request, reply) {
        const caller = callers.get(request);
        if (!caller) throw new Error('a request came past the authentication');
        const baseUrl = getBaseUrl(request, options.publicUrl);
        const context = { deps: options.deps, workspaceId: caller.workspaceId, baseUrl };
        const parsed = inputSchema.safeParse(input(request));
        if (!parsed.success) throw toInputError(parsed.error);
        // Where an id is looked up it is checked; in the path it is a text of any kind.
        const whole = {
          ...(parsed.data as object),
          ...readHeaders(request, operation.input),
          ...asObject(request.params),
        } as z.output<I>;
        const output = operation.output.parse(await spellErrors(operation.run(context, whole)));
        if (version) reply.header('etag', `"${version(output)}"`);
        return withSnakeKeys(answer ? answer(reply, output, baseUrl, request) : output);
      },
    });
  }

  const fromBody = (request: FastifyRequest) => request.body ?? {};
  route('POST', '/batch/', createBatchOperation, {
    input: fromBody,
    answer(reply, batch, baseUrl) {
      reply.code(201).header('location', `${baseUrl}${ROOT}/batch/${batch.id}/`);
      return batch;
    },
  });
  route('GET', '/batch/', listBatchesOperation, { answer: toRestPage });
  route('GET', '/batch/:id/', getBatchOperation);
  route('POST', '/batch/:id/cancel/', cancelBatchOperation, { input: fromBody });
  route('POST', '/batch/:id/retry/', retryBatchOperation, { input: fromBody });
  route('GET', '/previews/', listPreviewsOperation, { answer: toRestPage });
  route('GET', '/previews/:id/', getPreviewOperation, { version: (preview) => preview.version });
  route('POST', '/previews/:id/cancel/', cancelPreviewOperation, { input: fromBody });
  route('POST', '/previews/:id/retry/', retryPreviewOperation, { input: fromBody });
  route('PATCH', '/previews/:id/', patchPreviewOperation, {
    input: fromBody,
    version: (preview) => preview.version,
    answer: (_reply, { warnings, ...preview }) => ({
      ...preview,
      warnings: warnings.map((warning) => ({ ...warning, path: toSnakeCase(warning.path) })),
    }),
  });
  route('GET', '/products/:id/', getProductOperation);
  app.get<{ Params: { id: string } }>(
    `${ROOT}/batch/:id/events/`,
    { exposeHeadRoute: false },
    async (request, reply) => {
      const caller = callers.get(request);
      if (!caller) throw new Error('a request came past the authentication');
      const lastEventId = request.headers['last-event-id'];
      const input = watchBatchInput.safeParse({ ...request.params, lastEventId });
      if (!input.success) throw toInputError(input.error);
      const signal = watchCaller(reply, caller);
      const watched = { workspaceId: caller.workspaceId, ...input.data, signal };
      const { isOver, events } = await options.deps.batchWatch.watch(watched);
      // A browser that has seen the end is told not to come again.
      return isOver ? reply.code(204).send() : sendEvents(reply, writeBatchEvents(events));
    },
  );
  route('GET', '/tasks/:taskId/', getTaskOperation);
  route('GET', '/limits/', getLimitsOperation);
}

/** Of each event what is sent, once for all who watch. */
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

/** What an operation finds wrong with its input is told in REST's spelling. */
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

/** What comes in beside the path and the headers: the body must not name what they name. */
function withoutParameters(input: z.ZodType, path: string): z.ZodType {
  if (!(input instanceof z.ZodObject)) return input;
  const named: Record<string, true> = {};
  for (const [, name = ''] of path.matchAll(/:(\w+)/g)) named[name] = true;
  for (const [field] of headersOf(input)) named[field] = true;
  return input.omit(named as Parameters<typeof input.omit>[0]);
}

function asObject(value: unknown): object {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

interface ListOutput {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
  readonly previousCursor: string | null;
}

/** A page with links, as the original API has it: the same query with another cursor. */
function toRestPage(
  _reply: FastifyReply,
  output: unknown,
  baseUrl: string,
  request: FastifyRequest,
): unknown {
  const { items, nextCursor, previousCursor } = output as ListOutput;
  const [path = '', query = ''] = request.url.split('?', 2);
  const link = (cursor: string | null) => {
    if (cursor === null) return null;
    const parameters = new URLSearchParams(query);
    parameters.set('cursor', cursor);
    return `${baseUrl}${path}?${parameters}`;
  };
  return { next: link(nextCursor), previous: link(previousCursor), results: items };
}
