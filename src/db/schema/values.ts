/*
 * The lists of values of the columns that have a fixed set of them. Types, check constraints and
 * the schemas of both APIs are made from these lists.
 */

/** The two steps of a preview, one AI call each. */
export const CALL_KINDS = ['text', 'image'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/**
 * `sent`: it has a slot and may be on its way. Then `answered`, `refused` (policy), `failed` (the
 * provider returned an error, or the request never left), or `unknown` (it may have reached the
 * provider, and no answer came).
 */
export const CALL_STATUSES = ['sent', 'answered', 'refused', 'failed', 'unknown'] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

/**
 * `pending` (its page is not read yet), `queued` (has its image, waits for slots), `running` (an AI
 * call is under way), then one of the three final ones.
 */
export const PREVIEW_STATUSES = ['pending', 'queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type PreviewStatus = (typeof PREVIEW_STATUSES)[number];

/** The statuses of a preview that changes only if a person asks for it. */
export const FINAL_PREVIEW_STATUSES = [
  'done',
  'failed',
  'cancelled',
] as const satisfies readonly PreviewStatus[];

export const SOURCE_STATUSES = ['pending', 'running', 'done', 'failed'] as const;
export type SourceStatus = (typeof SOURCE_STATUSES)[number];

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** How an image was ranked. */
export const RANKING_METHODS = ['clip', 'heuristic'] as const;
export type RankingMethodName = (typeof RANKING_METHODS)[number];

/** Of https://schema.org/ItemAvailability, the two values that a page is read as. */
export const AVAILABILITIES = ['InStock', 'OutOfStock'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

/** The two queues in fair order over all workspaces. */
export const FAIR_QUEUES = ['previews', 'sources'] as const;
export type FairQueue = (typeof FAIR_QUEUES)[number];
