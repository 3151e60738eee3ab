import { z } from 'zod';
import { sha256 } from '../lib/ids.ts';

/** The two steps of a preview, one AI call each. */
export const CALL_KINDS = ['text', 'image'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/**
 * `sent`: it has a slot and may be on its way. Then `answered`, `refused` (policy), `failed` (an error was
 * answered, or nothing ever left), or `unknown`: it may have reached the provider, and no answer came.
 */
export type CallStatus = 'sent' | 'answered' | 'refused' | 'failed' | 'unknown';

/**
 * A call whose connection is not open this long after its claim must not be sent: its owner may have been taken for
 * dead, and its slot counts from then on.
 */
export const SEND_WITHIN_MS = 2000;

/** A call as its step is judged by. */
export interface CallRecord {
  readonly kind: CallKind;
  readonly round: number;
  readonly status: CallStatus;
  readonly errorCode: string | null;
  /** Whether it was let through by an open breaker, to see. */
  readonly probe: boolean;
}

/** Texts as they came: plain, not yet cut to the lengths of a prefill. */
export const textAnswerSchema = z.object({
  headline: z.string(),
  subheadline: z.string().nullable(),
  body: z.string().nullable(),
  ctaText: z.string(),
});
export type StoredTexts = z.infer<typeof textAnswerSchema>;

/**
 * The same for every try of a step, so that a provider that knows the header can tell a repetition. A hash,
 * because the ids of rows are nobody else's business.
 */
export function createIdempotencyKey(step: {
  previewId: string;
  generation: number;
  kind: CallKind;
}): string {
  return sha256(`${step.previewId}:${step.generation}:${step.kind}`).toString('hex').slice(0, 40);
}
