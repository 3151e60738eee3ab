import type { ErrorCode } from '../lib/app-error.ts';

/**
 * The circuit breaker (Nygard, "Release It!", 2007), one for each kind of call, across all
 * processes. A run of failures for the provider's own reasons opens it: calls of that kind wait,
 * and one at a time is let through as a probe. The first sign that the provider works closes it.
 */

/** This many failures in a row open it. */
export const FAILURES_IN_A_ROW = 5;
/**
 * Answers in a wrong shape open it only if they are from this many pages: one page alone may be the
 * cause.
 */
export const SOURCES_OF_BAD_ANSWERS = 3;
/** Time between two probes while a breaker is open, over all kinds of calls. */
export const PROBE_EVERY_MS = 5000;
/** How many recent calls are searched for a run. Longer runs count too. */
export const LATEST_CALLS = 50;

const PROVIDER_FAILURES: ReadonlySet<string> = new Set<ErrorCode>([
  'ai_unauthorized',
  'ai_server_error',
  'ai_unreachable',
  'ai_timeout',
  'ai_connection_lost',
  // No connection opened while the slot was valid, as if the service were unreachable. Without a
  // pause, such calls would occupy the slots of all workers for two seconds each.
  'slot_expired',
]);

/** Failures that show that the provider works. */
export const SUCCESS_SIGNALS = [
  'ai_refused',
  'ai_bad_request',
  'ai_rate_limited',
] as const satisfies readonly ErrorCode[];
const SUCCESS_CODES: ReadonlySet<string> = new Set<ErrorCode>(SUCCESS_SIGNALS);

/** The part of an ended call that the breaker uses. */
export interface EndedCall {
  /** Null for an answer. */
  readonly errorCode: string | null;
  /** The page that the call was for; null if the page was deleted. */
  readonly sourceId: string | null;
}

/** Returns whether a failure may open the breaker. */
export function countsAsFailure(code: ErrorCode): boolean {
  return PROVIDER_FAILURES.has(code) || code === 'ai_bad_answer';
}

/**
 * Returns whether the latest calls of a kind (newest first) are a run of provider failures. Calls
 * that say nothing about the provider, such as canceled ones, neither extend nor end the run.
 */
export function isFailing(latest: readonly EndedCall[]): boolean {
  let failures = 0;
  let badAnswers = 0;
  const sourcesOfBadAnswers = new Set<string | null>();
  for (const { errorCode, sourceId } of latest) {
    if (errorCode === null || SUCCESS_CODES.has(errorCode)) break;
    if (PROVIDER_FAILURES.has(errorCode)) failures += 1;
    if (errorCode !== 'ai_bad_answer') continue;
    badAnswers += 1;
    sourcesOfBadAnswers.add(sourceId);
  }
  if (failures >= FAILURES_IN_A_ROW) return true;
  return failures + badAnswers >= FAILURES_IN_A_ROW && sourcesOfBadAnswers.size >= SOURCES_OF_BAD_ANSWERS;
}
