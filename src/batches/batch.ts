import { z } from 'zod';
import { usageSchema } from '../ai-calls/usage.ts';
import { SOURCE_STATUSES } from '../db/schema/values.ts';
import { languageTag, plainText, webAddress } from '../lib/plain-text.ts';
import { failureSchema, PREVIEW_STATUSES, type PreviewStatus } from '../previews/preview.ts';
import { givenProductSchema } from '../products/product.ts';

export { SOURCE_STATUSES, type SourceStatus } from '../db/schema/values.ts';

export const BATCH_STATUSES = ['pending', 'running', 'done', 'failed', 'cancelled'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** The number of previews by status; `total` is their sum. */
export type Progress = Record<PreviewStatus | 'total', number>;

const counts = Object.fromEntries(PREVIEW_STATUSES.map((status) => [status, z.number()])) as Record<
  PreviewStatus,
  z.ZodNumber
>;
export const progressSchema = z.object({ total: z.number(), ...counts });

/** A source within its batch, as both APIs return it. */
export const sourceSchema = z.object({
  id: z.string(),
  url: z.string(),
  batchSize: z.number(),
  locale: z.string().nullable(),
  tone: z.string().nullable(),
  status: z.enum(SOURCE_STATUSES),
  productId: z.string().nullable(),
  error: failureSchema.nullable(),
  progress: progressSchema,
});

/** A batch as both APIs return it. */
export const batchSchema = z.object({
  id: z.string(),
  taskId: z.string(),
  name: z.string().nullable(),
  status: z.enum(BATCH_STATUSES),
  progress: progressSchema,
  sources: z.array(sourceSchema),
  error: failureSchema.nullable(),
  usage: usageSchema,
  createdAt: z.date(),
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable(),
});
export type Batch = z.infer<typeof batchSchema>;

/**
 * The response to a create: the batch as GET returns it, with the names that the original front end
 * reads.
 */
export const createdBatchSchema = batchSchema.extend({ bulkGenerateTaskId: z.string(), total: z.number() });

/**
 * A request to create a batch. `createBatch` checks the number of sources and their size, which are
 * settings.
 */
export const newBatchSchema = z.strictObject({
  /** A label for people. */
  name: plainText(120).optional(),
  sources: z
    .array(
      z.strictObject({
        url: webAddress(),
        batchSize: z.number().int().min(1).default(1),
        /** The language of the texts, instead of the page's. */
        locale: languageTag().optional(),
        /** The tone of the texts, in free words. */
        tone: plainText(200).optional(),
        /** The product, given by the client: the page is then not read. */
        product: givenProductSchema.optional(),
      }),
    )
    .min(1, { error: 'must have at least one source' })
    // The highest value that MAX_SOURCES may have.
    .max(100, { error: 'must have at most 100 sources' }),
});
export type NewBatch = z.infer<typeof newBatchSchema>;

/**
 * Derives the status of a batch from its counts. It is final when all its previews are: `cancelled`
 * if the batch was canceled or all its previews were, one by one; else `failed` if no preview is
 * done (or none exists), else `done`. The counts show a partial failure.
 */
export function deriveStatus(batch: {
  progress: Progress;
  startedAt: Date | null;
  cancelRequestedAt: Date | null;
}): BatchStatus {
  const { total, pending, queued, running, done, cancelled } = batch.progress;
  if (pending + queued + running > 0) return batch.startedAt || pending < total ? 'running' : 'pending';
  if (batch.cancelRequestedAt || (total > 0 && cancelled === total)) return 'cancelled';
  return done > 0 ? 'done' : 'failed';
}

/** Celery's names for the states of a task, which the original front end polls for. */
export const TASK_STATUSES = ['PENDING', 'STARTED', 'SUCCESS', 'FAILURE', 'REVOKED'] as const;

const TASK_STATUS: Record<BatchStatus, (typeof TASK_STATUSES)[number]> = {
  pending: 'PENDING',
  running: 'STARTED',
  done: 'SUCCESS',
  failed: 'FAILURE',
  cancelled: 'REVOKED',
};

/** The status of a batch's task: `STARTED` while the batch runs. */
export function toTaskStatus(status: BatchStatus): (typeof TASK_STATUSES)[number] {
  return TASK_STATUS[status];
}

export const taskSchema = z.object({
  taskId: z.string(),
  status: z.enum(TASK_STATUSES),
  bulkGenerateTaskId: z.string(),
});
export type Task = z.infer<typeof taskSchema>;
