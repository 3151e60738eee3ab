import { z } from 'zod';
import { usageSchema } from '../ai-calls/usage.ts';
import { prefillSchema } from '../creative/prefill.ts';
import {
  FINAL_PREVIEW_STATUSES,
  PREVIEW_STATUSES,
  type PreviewStatus,
  RANKING_METHODS,
} from '../db/schema/values.ts';
import { waitingForSchema } from './waiting.ts';

export { PREVIEW_STATUSES, type PreviewStatus } from '../db/schema/values.ts';

const FINAL: ReadonlySet<PreviewStatus> = new Set(FINAL_PREVIEW_STATUSES);

/** The statuses that are not final. */
export const UNFINISHED_STATUSES = PREVIEW_STATUSES.filter((status) => !FINAL.has(status));

/** Returns whether a preview with this status changes only if a person asks for it. */
export function isFinal(status: PreviewStatus): boolean {
  return FINAL.has(status);
}

/** A failure as both APIs return it: a stable code, a sentence, and whether a retry may help. */
export const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
});
export type Failure = z.infer<typeof failureSchema>;

/**
 * How the image was ranked: the score is 0 to 1, and comparable only within one method and model.
 */
export const rankingSchema = z.object({
  method: z.enum(RANKING_METHODS),
  score: z.number(),
  model: z.string().nullable(),
});
export type Ranking = z.infer<typeof rankingSchema>;

const makerSchema = z.object({ provider: z.string(), model: z.string() });

/** What made the texts and the background; `provider` is `offline` for the built-in generator. */
export const generatorSchema = z.object({ text: makerSchema, image: makerSchema });

/** A preview as both APIs return it. */
export const previewSchema = z.object({
  id: z.string(),
  bulkTaskId: z.string(),
  sourceId: z.string(),
  productId: z.string().nullable(),
  /** The product image that it was made from. */
  imageId: z.string().nullable(),
  position: z.number(),
  status: z.enum(PREVIEW_STATUSES),
  prefill: prefillSchema.nullable(),
  /**
   * The address of its page for an iframe. Anyone with the address can open the page. Null until
   * the preview is `done` for the first time, and while the address is revoked.
   */
  embedUrl: z.string().nullable(),
  error: failureSchema.nullable(),
  ranking: rankingSchema.nullable(),
  generator: generatorSchema.nullable(),
  usage: usageSchema,
  /**
   * The position in the queue of all workspaces while it is `pending` or `queued`; 1 starts next,
   * 1000 is 1,000 or later. Otherwise null.
   */
  queuePosition: z.number().nullable(),
  /**
   * When it is expected to be done, while it is `pending` or `queued`. Null otherwise, and while no
   * worker runs.
   */
  eta: z.date().nullable(),
  /** Why it has not started, and the earliest end of that, while it is `pending` or `queued`. */
  waitingFor: waitingForSchema.nullable(),
  version: z.number(),
  createdAt: z.date(),
  updatedAt: z.date(),
});
export type Preview = z.infer<typeof previewSchema>;
