import { z } from 'zod';
import { usageSchema } from '../ai-calls/usage.ts';
import { prefillSchema } from '../creative/prefill.ts';
import { waitingForSchema } from './waiting.ts';

/**
 * `pending` (its page is not read yet), `queued` (has its image, waits for slots), `running` (an AI
 * call is under way), then one of the three final ones.
 */
export const PREVIEW_STATUSES = ['pending', 'queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type PreviewStatus = (typeof PREVIEW_STATUSES)[number];

/** The statuses that are not final. */
export const UNFINISHED_STATUSES = [
  'pending',
  'queued',
  'running',
] as const satisfies readonly PreviewStatus[];
const UNFINISHED: ReadonlySet<PreviewStatus> = new Set(UNFINISHED_STATUSES);

/** Returns whether a preview with this status changes only if a person asks for it. */
export function isFinal(status: PreviewStatus): boolean {
  return !UNFINISHED.has(status);
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
  method: z.enum(['clip', 'heuristic']),
  score: z.number(),
  model: z.string().nullable(),
});
export type Ranking = z.infer<typeof rankingSchema>;

const makerSchema = z.object({ provider: z.string(), model: z.string() });

/** What made the texts and the background; `provider` is `offline` for the built-in generator. */
export const generatorSchema = z.object({ text: makerSchema, image: makerSchema });
export type Generator = z.infer<typeof generatorSchema>;

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
   * The position in the queue of all workspaces while it is `pending` or `queued`; 1 starts next.
   * Otherwise null.
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
