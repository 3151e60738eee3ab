import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import type { Authenticate } from './authenticate.ts';
import { getBaseUrl } from './base-url.ts';
import type { ApiDeps, Caller } from './context.ts';
import {
  createBatchOperation,
  getBatchOperation,
  getPreviewOperation,
  getTaskOperation,
  listBatchesOperation,
  listPreviewsOperation,
  type Operation,
  patchPreviewOperation,
} from './operations.ts';
import { snakeCased, toSnakeCase, withSnakeKeys } from './snake-case.ts';

const ROOT = '/api/llm-editor/cta';

interface RestOptions {
  readonly deps: ApiDeps;
  readonly authenticate: Authenticate;
  readonly publicUrl: string | undefined;
}

/** What a route adds to its operation: where the input is, and what the answer looks like beside its body. */
interface Route<O extends z.ZodType> {
  /** The input as the client spelled it; path parameters and query or body by default. */
  input?(request: FastifyRequest): unknown;
  answer?(reply: FastifyReply, output: z.output<O>, baseUrl: string, request: FastifyRequest): unknown;
}

/** The REST door: the original paths and names over the same operations as tRPC. */
export function registerRest(app: FastifyInstance, options: RestOptions): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Before the body is read: who may not come in is not listened to.
  app.addHook('onRequest', async (request) => {
    callers.set(request, await options.authenticate(request.headers.authorization));
  });

  function route<I extends z.ZodType, O extends z.ZodType>(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    operation: Operation<I, O>,
    { input = defaultInput, answer }: Route<O> = {},
  ): void {
    const inputSchema = snakeCased(operation.input);
    app.route({
      method,
      url: ROOT + path,
      async handler(request, reply) {
        const caller = callers.get(request);
        if (!caller) throw new Error('a request came past the authentication');
        const baseUrl = getBaseUrl(request, options.publicUrl);
        const context = { deps: options.deps, workspaceId: caller.workspaceId, baseUrl };
        const parsed = inputSchema.parse(input(request)) as z.output<I>;
        const output = operation.output.parse(await spellErrors(operation.run(context, parsed)));
        return withSnakeKeys(answer ? answer(reply, output, baseUrl, request) : output);
      },
    });
  }

  route('POST', '/batch/', createBatchOperation, {
    input: (request) => request.body ?? {},
    answer(reply, batch, baseUrl) {
      reply.code(201).header('location', `${baseUrl}${ROOT}/batch/${batch.id}/`);
      return batch;
    },
  });
  route('GET', '/batch/', listBatchesOperation, { answer: toRestPage });
  route('GET', '/batch/:id/', getBatchOperation);
  route('GET', '/previews/', listPreviewsOperation, { answer: toRestPage });
  route('GET', '/previews/:id/', getPreviewOperation);
  route('PATCH', '/previews/:id/', patchPreviewOperation, {
    input: (request) => ({ ...asObject(request.body), ...asObject(request.params) }),
    answer: (_reply, { warnings, ...preview }) => ({
      ...preview,
      warnings: warnings.map((warning) => ({ ...warning, path: toSnakeCase(warning.path) })),
    }),
  });
  route('GET', '/tasks/:task_id/', getTaskOperation);
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

function defaultInput(request: FastifyRequest): unknown {
  return { ...asObject(request.query), ...asObject(request.params) };
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
