import { type ErrorCode, isErrorCode } from '../lib/app-error.ts';
import type { CallRecord } from './ai-call.ts';

/** The decision on a step after its calls so far. */
export type StepDecision =
  | { readonly state: 'answered' }
  /** A call is on its way. */
  | { readonly state: 'under_way' }
  /** Another try is allowed, after `delayMs`. */
  | { readonly state: 'to_try'; readonly delayMs: number }
  | { readonly state: 'failed'; readonly code: ErrorCode };

interface RetryRule {
  readonly codes: readonly ErrorCode[];
  /** The number of such calls after which the step fails. */
  readonly maxCalls: number;
  readonly firstDelayMs: number;
}

/** The only retry policy. Errors that are not listed are not retried. */
const RETRY_RULES: readonly RetryRule[] = [
  // A model that answers in the wrong shape will most likely do so again: one more try.
  { codes: ['ai_bad_answer'], maxCalls: 2, firstDelayMs: 0 },
  // The provider's own problems pass, mostly within a minute.
  {
    codes: ['ai_rate_limited', 'ai_server_error', 'ai_unauthorized', 'ai_unreachable'],
    maxCalls: 6,
    firstDelayMs: 1000,
  },
  // The provider may have done and billed the work: three more tries, each with the same
  // idempotency key.
  { codes: ['ai_timeout', 'ai_connection_lost', 'ai_outcome_unknown'], maxCalls: 4, firstDelayMs: 250 },
  // Nothing was sent: the cause is this program or its network. The delays add up to at least
  // 225 s. Usually the breaker opens earlier, and the preview waits as for an unreachable AI
  // service.
  { codes: ['slot_expired'], maxCalls: 20, firstDelayMs: 1000 },
  // The call was stopped when its preview was canceled, and a person retries the preview.
  { codes: ['cancelled'], maxCalls: 20, firstDelayMs: 0 },
  // An unexpected error, or a database that was unavailable between the claim and the call.
  { codes: ['internal', 'unavailable'], maxCalls: 3, firstDelayMs: 1000 },
];

/** Failures that cost nothing. For a probe they only mean that the provider still fails. */
const FREE_FOR_PROBES: ReadonlySet<string | null> = new Set<ErrorCode>([
  'ai_server_error',
  'ai_unauthorized',
  'ai_unreachable',
  'ai_rate_limited',
  'slot_expired',
]);

const MAX_DELAY_MS = 30_000;

/**
 * Decides about one step from its calls, in the order in which they were made. An answer counts in
 * any round, a failure only in the current `round`. The delay is exponential with equal jitter
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015); `random` is 0 to 1.
 */
export function decideStep(
  calls: readonly CallRecord[],
  round = 1,
  random: () => number = Math.random,
): StepDecision {
  if (calls.some((call) => call.status === 'answered')) return { state: 'answered' };
  if (calls.some((call) => call.status === 'sent')) return { state: 'under_way' };
  const codes = calls
    .filter((call) => call.round === round && !(call.probe && FREE_FOR_PROBES.has(call.errorCode)))
    .map((call) => call.errorCode ?? '')
    .map((code) => (isErrorCode(code) ? code : 'internal'));
  const last = codes.at(-1);
  if (last === undefined) return { state: 'to_try', delayMs: 0 };
  const rule = RETRY_RULES.find((b) => b.codes.includes(last));
  const used = codes.filter((code) => rule?.codes.includes(code)).length;
  if (!rule || used >= rule.maxCalls) return { state: 'failed', code: last };
  const ceiling = Math.min(rule.firstDelayMs * 2 ** (used - 1), MAX_DELAY_MS);
  return { state: 'to_try', delayMs: Math.round(ceiling * (0.5 + random() / 2)) };
}
