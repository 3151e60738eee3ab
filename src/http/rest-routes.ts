import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorCode } from '../lib/app-error.ts';
import { toSnakeCase } from '../lib/snake-keys.ts';
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
  renewEmbedOperation,
  retryBatchOperation,
  retryPreviewOperation,
  revokeEmbedOperation,
} from './operations.ts';

/** The prefix of all REST paths. */
export const REST_ROOT = '/api/llm-editor/cta';

/** A route of the REST API: an operation, its HTTP details, and its documentation. */
export interface RestRoute<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Relative to `REST_ROOT`. A `:name` is a field of the input. */
  readonly path: string;
  readonly operation: Operation<I, O>;
  readonly operationId: string;
  readonly tag: 'Batches' | 'Previews' | 'Products' | 'Limits';
  readonly summary: string;
  /** 200 if absent. */
  readonly status?: 200 | 201;
  /** Errors in addition to those that every route may return. */
  readonly errors: readonly ErrorCode[];
  /** The name of the response's schema; a list is a page of it. */
  readonly answers: 'Batch' | 'CreatedBatch' | 'Preview' | 'PatchedPreview' | 'Product' | 'Task' | 'Limits';
  readonly isPage?: true;
  /**
   * Returns the version for the `ETag`, for responses that a later change can refer to with
   * `If-Match`.
   */
  version?(output: z.output<O>): number;
  /** Returns the response body if it differs from the output. */
  answer?(reply: FastifyReply, output: z.output<O>, baseUrl: string, request: FastifyRequest): unknown;
}

function route<I extends z.ZodType, O extends z.ZodType>(definition: RestRoute<I, O>): RestRoute {
  return definition as unknown as RestRoute;
}

/** All routes that respond with JSON. */
export const REST_ROUTES: readonly RestRoute[] = [
  route({
    method: 'POST',
    path: '/batch/',
    operation: createBatchOperation,
    operationId: 'createBatch',
    tag: 'Batches',
    summary: 'Create a batch of previews',
    status: 201,
    errors: ['idempotency_conflict', 'idempotency_mismatch'],
    answers: 'CreatedBatch',
    answer(reply, batch, baseUrl) {
      reply.header('location', `${baseUrl}${REST_ROOT}/batch/${batch.id}/`);
      return batch;
    },
  }),
  route({
    method: 'GET',
    path: '/batch/',
    operation: listBatchesOperation,
    operationId: 'listBatches',
    tag: 'Batches',
    summary: 'List batches, newest first',
    errors: ['invalid_cursor'],
    answers: 'Batch',
    isPage: true,
    answer: toRestPage,
  }),
  route({
    method: 'GET',
    path: '/batch/:id/',
    operation: getBatchOperation,
    operationId: 'getBatch',
    tag: 'Batches',
    summary: 'Get a batch with its progress',
    errors: ['not_found'],
    answers: 'Batch',
  }),
  route({
    method: 'POST',
    path: '/batch/:id/cancel/',
    operation: cancelBatchOperation,
    operationId: 'cancelBatch',
    tag: 'Batches',
    summary: 'Cancel the unfinished previews of a batch',
    errors: ['not_found', 'already_final', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Batch',
  }),
  route({
    method: 'POST',
    path: '/batch/:id/retry/',
    operation: retryBatchOperation,
    operationId: 'retryBatch',
    tag: 'Batches',
    summary: 'Retry the failed and canceled previews of a batch',
    errors: ['not_found', 'nothing_to_retry', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Batch',
  }),
  route({
    method: 'GET',
    path: '/tasks/:taskId/',
    operation: getTaskOperation,
    operationId: 'getTask',
    tag: 'Batches',
    summary: "Get the state of a batch's task",
    errors: ['not_found'],
    answers: 'Task',
  }),
  route({
    method: 'GET',
    path: '/previews/',
    operation: listPreviewsOperation,
    operationId: 'listPreviews',
    tag: 'Previews',
    summary: 'List previews in the order of batch, source and position',
    errors: ['invalid_cursor'],
    answers: 'Preview',
    isPage: true,
    answer: toRestPage,
  }),
  route({
    method: 'GET',
    path: '/previews/:id/',
    operation: getPreviewOperation,
    operationId: 'getPreview',
    tag: 'Previews',
    summary: 'Get a preview',
    errors: ['not_found'],
    answers: 'Preview',
    version: (preview) => preview.version,
  }),
  route({
    method: 'PATCH',
    path: '/previews/:id/',
    operation: patchPreviewOperation,
    operationId: 'patchPreview',
    tag: 'Previews',
    summary: 'Change a prefill in part or as a whole, or replace the image',
    errors: ['not_found', 'not_ready', 'still_under_way', 'precondition_failed'],
    answers: 'PatchedPreview',
    version: (preview) => preview.version,
    answer: (_reply, { warnings, ...preview }) => ({
      ...preview,
      warnings: warnings.map((warning) => ({ ...warning, path: toSnakeCase(warning.path) })),
    }),
  }),
  route({
    method: 'POST',
    path: '/previews/:id/cancel/',
    operation: cancelPreviewOperation,
    operationId: 'cancelPreview',
    tag: 'Previews',
    summary: 'Cancel a preview',
    errors: ['not_found', 'already_final', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Preview',
  }),
  route({
    method: 'POST',
    path: '/previews/:id/retry/',
    operation: retryPreviewOperation,
    operationId: 'retryPreview',
    tag: 'Previews',
    summary: 'Retry a preview, or generate a finished one again',
    errors: ['not_found', 'still_under_way', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Preview',
  }),
  route({
    method: 'POST',
    path: '/previews/:id/revoke-embed/',
    operation: revokeEmbedOperation,
    operationId: 'revokeEmbed',
    tag: 'Previews',
    summary: "Revoke the address of a preview's page",
    errors: ['not_found', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Preview',
  }),
  route({
    method: 'POST',
    path: '/previews/:id/renew-embed/',
    operation: renewEmbedOperation,
    operationId: 'renewEmbed',
    tag: 'Previews',
    summary: "Give a preview's page a new address, and revoke the old one",
    errors: ['not_found', 'idempotency_conflict', 'idempotency_mismatch'],
    answers: 'Preview',
  }),
  route({
    method: 'GET',
    path: '/products/:id/',
    operation: getProductOperation,
    operationId: 'getProduct',
    tag: 'Products',
    summary: 'Get a product and its images',
    errors: ['not_found'],
    answers: 'Product',
  }),
  route({
    method: 'GET',
    path: '/limits/',
    operation: getLimitsOperation,
    operationId: 'getLimits',
    tag: 'Limits',
    summary: 'Get the limit on AI calls, its free slots, and the fullest window on record',
    errors: [],
    answers: 'Limits',
  }),
];

interface ListOutput {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
  readonly previousCursor: string | null;
}

/**
 * Returns a page with links: the same query with another cursor. The original API had this format.
 */
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
