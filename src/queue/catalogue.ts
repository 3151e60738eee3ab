import { z } from 'zod';

/** What every job may carry: the span in which it was put in, if somebody traces. A wrong one is none. */
const traced = z.object({
  traceparent: z
    .string()
    .regex(/^00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/)
    .optional()
    .catch(undefined),
});

const batch = traced.extend({ batchId: z.uuid() });
const source = traced.extend({ batchId: z.uuid(), sourceId: z.uuid() });
const preview = traced.extend({ batchId: z.uuid(), previewId: z.uuid() });

/**
 * Every kind of job and its payload: ids only, since rows are read when the job runs. A new field must be
 * optional, as jobs of the version before are still in the queue.
 */
export const jobCatalogue = {
  /** Marks the batch as started; its id is the batch's `task_id`. */
  'batch.start': batch,
  /** Reads a page and gives its images to the source's previews. */
  'source.process': source,
  /** The start of a preview: takes a slot of each kind and buys both answers. */
  'preview.generate': preview,
  /** The text step alone, once more. */
  'preview.prefill': preview,
  /** The image step alone, once more. */
  'preview.background': preview,
  /** Sends a message to a webhook. There may be several of a delivery: only one that is due sends. */
  'webhook.deliver': traced.extend({ deliveryId: z.uuid() }),
  /** Deletes what is older than it is to be kept. There is one at a time. */
  housekeeping: traced,
} as const;

export type JobName = keyof typeof jobCatalogue;
export type JobPayload<N extends JobName> = z.infer<(typeof jobCatalogue)[N]>;

/** A job to be put into the queue. */
export interface NewJob<N extends JobName> {
  readonly payload: JobPayload<N>;
  /** A UUID; made by the queue if absent. */
  readonly id?: string;
  /** Higher goes first; 0 if absent. */
  readonly priority?: number;
  /** The workspace that the job is for; see `Queue.take`. */
  readonly owner?: string;
  /** Not taken before this long from now, by the database's clock. */
  readonly delayMs?: number;
}

/** A job that was taken. */
export interface Job<N extends JobName> {
  readonly id: string;
  readonly payload: JobPayload<N>;
}

/** Those that are about one preview. */
export const PREVIEW_JOBS = ['preview.generate', 'preview.prefill', 'preview.background'] as const;

export const JOB_NAMES = Object.keys(jobCatalogue) as JobName[];
