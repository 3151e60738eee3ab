import { z } from 'zod';
import type { CallKind, CallStatus } from '../db/schema/values.ts';
import { sha256 } from '../lib/ids.ts';

export { CALL_KINDS, type CallKind, type CallStatus } from '../db/schema/values.ts';

/**
 * A call must not be sent if its connection is not open this long after its claim: its worker may
 * have been marked as dead, and its slot counts from then on.
 */
export const SEND_WITHIN_MS = 2000;

/** The part of a call that decides about its step. */
export interface CallRecord {
  readonly kind: CallKind;
  readonly round: number;
  readonly status: CallStatus;
  readonly errorCode: string | null;
  /** Whether an open breaker let it through as a probe. */
  readonly probe: boolean;
}

/** Texts as the provider returned them: plain, not yet cut to the lengths of a prefill. */
export const copyAnswerSchema = z.object({
  headline: z.string(),
  subheadline: z.string().nullable(),
  body: z.string().nullable(),
  ctaText: z.string(),
});
export type StoredCopy = z.infer<typeof copyAnswerSchema>;

/**
 * Makes the idempotency key of a step. It is the same for every try, so that a provider that knows
 * the header recognizes a repetition. A hash, so that it does not disclose the ids of rows.
 */
export function createIdempotencyKey(step: {
  previewId: string;
  generation: number;
  kind: CallKind;
}): string {
  return sha256(`${step.previewId}:${step.generation}:${step.kind}`).toString('hex').slice(0, 40);
}
