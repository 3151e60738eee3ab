import { z } from 'zod';
import { getLimits, limitsSchema } from '../ai-calls/get-limits.ts';
import { batchSchema, createdBatchSchema, newBatchSchema, taskSchema } from '../batches/batch.ts';
import { cancelBatch } from '../batches/cancel-batch.ts';
import { createBatch } from '../batches/create-batch.ts';
import { getBatch } from '../batches/get-batch.ts';
import { getTask } from '../batches/get-task.ts';
import { listBatches } from '../batches/list-batches.ts';
import { retryBatch } from '../batches/retry-batch.ts';
import { prefillPatchSchema } from '../creative/prefill.ts';
import { runIdempotent } from '../idempotency/run-idempotent.ts';
import { AppError } from '../lib/app-error.ts';
import { cancelPreview } from '../previews/cancel-preview.ts';
import { changePreview } from '../previews/change-preview.ts';
import { getPreview } from '../previews/get-preview.ts';
import { listPreviews } from '../previews/list-previews.ts';
import { PREVIEW_STATUSES, previewSchema } from '../previews/preview.ts';
import { replaceEmbed } from '../previews/replace-embed.ts';
import { retryPreview } from '../previews/retry-preview.ts';
import { getProduct, productSchema } from '../products/get-product.ts';
import type { OperationContext } from './context.ts';

/**
 * An operation that the REST and tRPC APIs share: the schema of its input, the schema of its
 * output, and the call.
 */
export interface Operation<I extends z.ZodType, O extends z.ZodType> {
  readonly input: I;
  readonly output: O;
  run(context: OperationContext, input: z.output<I>): Promise<z.input<O>>;
}

function operation<I extends z.ZodType, O extends z.ZodType>(definition: Operation<I, O>): Operation<I, O> {
  return definition;
}

/**
 * Makes an operation idempotent: requests with the same key run it once. In the REST API the key is
 * the header `Idempotency-Key`. Names must not change, because they are stored with the results.
 */
function keyed<S extends z.ZodRawShape, O extends z.ZodType>(
  name: string,
  { input, output, run }: Operation<z.ZodObject<S>, O>,
) {
  return operation({
    input: input.extend({ idempotencyKey: idempotencyKey.optional() }),
    output,
    run(context, given) {
      const { idempotencyKey: key, ...rest } = given as Record<string, unknown> & { idempotencyKey?: string };
      const plain = rest as z.output<typeof input>;
      if (key === undefined) return run(context, plain);
      const request = { workspaceId: context.workspaceId, key, operation: name, input: plain };
      return runIdempotent(context.deps, request, (deps) => run({ ...context, deps }, plain));
    },
  });
}

/** Only characters that are valid in a header. */
const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, { error: 'must have 1 to 255 printable ASCII characters' });

/**
 * Ids are checked when they are looked up: an invalid id, however long, gets the same error as an
 * unknown id.
 */
const id = z.string();

const paging = {
  pageSize: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(200).optional(),
};

function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable(),
    previousCursor: z.string().nullable(),
  });
}

/**
 * Applies the change only if the preview has this version, or one of these. In the REST API: the
 * header `If-Match`.
 */
const ifVersion = z.union([z.number().int(), z.array(z.number().int()).min(1).max(20)]);

const warningSchema = z.object({
  code: z.literal('low_contrast'),
  path: z.string(),
  message: z.string(),
});

export const createBatchOperation = keyed('batch.create', {
  input: newBatchSchema,
  output: createdBatchSchema,
  async run({ deps, workspaceId }, batch) {
    const created = await createBatch(deps, { workspaceId, batch });
    return { ...created, bulkGenerateTaskId: created.id, total: created.progress.total };
  },
});

export const listBatchesOperation = operation({
  input: z.strictObject(paging),
  output: pageOf(batchSchema),
  run: ({ deps, workspaceId }, input) => listBatches(deps, { workspaceId, ...input }),
});

export const getBatchOperation = operation({
  input: z.object({ id }),
  output: batchSchema,
  run: ({ deps, workspaceId }, input) => getBatch(deps, { workspaceId, ...input }),
});

export const watchBatchInput = z.object({
  id,
  /** The id of the last event received. In the REST API: the header `Last-Event-ID`. */
  lastEventId: z.string().max(100).optional(),
});

export const cancelBatchOperation = keyed('batch.cancel', {
  input: z.strictObject({ id }),
  output: batchSchema,
  run: ({ deps, workspaceId }, input) => cancelBatch(deps, { workspaceId, ...input }),
});

export const retryBatchOperation = keyed('batch.retry', {
  input: z.strictObject({ id }),
  output: batchSchema,
  run: ({ deps, workspaceId }, input) => retryBatch(deps, { workspaceId, ...input }),
});

export const getTaskOperation = operation({
  input: z.object({ taskId: id }),
  output: taskSchema,
  run: ({ deps, workspaceId }, input) => getTask(deps, { workspaceId, ...input }),
});

export const getLimitsOperation = operation({
  input: z.object({}),
  output: limitsSchema,
  run: ({ deps }) => getLimits(deps),
});

export const getProductOperation = operation({
  input: z.object({ id }),
  output: productSchema,
  run: ({ deps, workspaceId, baseUrl }, input) => getProduct(deps, { workspaceId, baseUrl, ...input }),
});

export const listPreviewsOperation = operation({
  input: z.strictObject({
    ...paging,
    bulkTaskId: id.optional(),
    productId: id.optional(),
    status: z.enum(PREVIEW_STATUSES).optional(),
  }),
  output: pageOf(previewSchema),
  run: ({ deps, workspaceId, baseUrl }, input) => listPreviews(deps, { workspaceId, baseUrl, ...input }),
});

export const getPreviewOperation = operation({
  input: z.object({ id }),
  output: previewSchema,
  run: ({ deps, workspaceId, baseUrl }, input) => getPreview(deps, { workspaceId, baseUrl, ...input }),
});

export const cancelPreviewOperation = keyed('previews.cancel', {
  input: z.strictObject({ id }),
  output: previewSchema,
  run: ({ deps, workspaceId, baseUrl }, input) => cancelPreview(deps, { workspaceId, baseUrl, ...input }),
});

export const retryPreviewOperation = keyed('previews.retry', {
  input: z.strictObject({ id }),
  output: previewSchema,
  run: ({ deps, workspaceId, baseUrl }, input) => retryPreview(deps, { workspaceId, baseUrl, ...input }),
});

export const revokeEmbedOperation = keyed('previews.revokeEmbed', {
  input: z.strictObject({ id }),
  output: previewSchema,
  run: ({ deps, workspaceId, baseUrl }, input) =>
    replaceEmbed(deps, { workspaceId, baseUrl, ...input, revoke: true }),
});

export const renewEmbedOperation = keyed('previews.renewEmbed', {
  input: z.strictObject({ id }),
  output: previewSchema,
  run: ({ deps, workspaceId, baseUrl }, input) =>
    replaceEmbed(deps, { workspaceId, baseUrl, ...input, revoke: false }),
});

export const patchPreviewOperation = operation({
  input: z.strictObject({
    id,
    prefill: prefillPatchSchema.optional(),
    imageId: id.optional(),
    ifVersion: ifVersion.optional(),
  }),
  output: previewSchema.extend({ warnings: z.array(warningSchema) }),
  async run({ deps, workspaceId, baseUrl }, input) {
    const ifVersions = input.ifVersion === undefined ? undefined : [input.ifVersion].flat();
    if (input.prefill === undefined && input.imageId === undefined) {
      const message = 'is required if no other image is chosen';
      throw new AppError('validation', { errors: [{ path: ['prefill'], message }] });
    }
    const { preview, warnings } = await changePreview(deps, {
      workspaceId,
      baseUrl,
      id: input.id,
      patch: input.prefill,
      imageId: input.imageId,
      ifVersions,
    });
    return { ...preview, warnings: warnings.map((w) => ({ ...w, path: w.path.join('.') })) };
  },
});
