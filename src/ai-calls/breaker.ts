import type { ErrorCode } from '../lib/app-error.ts';

/*
 * The breaker (Nygard, "Release It!", 2007: "Circuit Breaker"), one for each kind of call, over all processes. Calls that
 * fail one after another for the provider's own reasons open it: calls of that kind wait, and one at a time is let
 * through to see. The first sign that the provider works closes it.
 */

/** So many failures, one after another, open it. */
export const RUN_OF_FAILURES = 5;
/** Answers of a wrong shape open it only when they were for as many pages: one page may ask for too much. */
export const SOURCES_OF_BAD_ANSWERS = 3;
/** While it is open one call is let through in this time, whatever its kind. */
export const PROBE_EVERY_MS = 5000;
/** How far back a run is looked for. Longer runs are runs too. */
export const LATEST_CALLS = 50;

const TROUBLE: ReadonlySet<string> = new Set<ErrorCode>([
  'ai_unauthorized',
  'ai_server_error',
  'ai_unreachable',
  'ai_timeout',
  'ai_connection_lost',
  // No connection within the time of a slot: from here that looks like a service that cannot be reached. Without
  // a pause such calls would take the slots of all workers, two seconds each, over and over.
  'slot_expired',
]);

/** Failures that a working provider gives. */
export const SIGNS_OF_LIFE = [
  'ai_refused',
  'ai_bad_request',
  'ai_rate_limited',
] as const satisfies readonly ErrorCode[];
const ALIVE: ReadonlySet<string> = new Set<ErrorCode>(SIGNS_OF_LIFE);

/** A call that has ended, as the breaker looks at it. */
export interface EndedCall {
  /** Null for an answer. */
  readonly errorCode: string | null;
  /** The page it was for; null when that was deleted. */
  readonly sourceId: string | null;
}

/** Whether a failure may be a reason to open the breaker. */
export function isTrouble(code: ErrorCode): boolean {
  return TROUBLE.has(code) || code === 'ai_bad_answer';
}

/**
 * Whether the latest calls of a kind (newest first) are a run of failures that are the provider's. What says nothing
 * about it (a call that was cancelled) neither makes nor breaks the run.
 */
export function isFailing(latest: readonly EndedCall[]): boolean {
  let failures = 0;
  let badAnswers = 0;
  const sourcesOfBadAnswers = new Set<string | null>();
  for (const { errorCode, sourceId } of latest) {
    if (errorCode === null || ALIVE.has(errorCode)) break;
    if (TROUBLE.has(errorCode)) failures += 1;
    if (errorCode !== 'ai_bad_answer') continue;
    badAnswers += 1;
    sourcesOfBadAnswers.add(sourceId);
  }
  if (failures >= RUN_OF_FAILURES) return true;
  return failures + badAnswers >= RUN_OF_FAILURES && sourcesOfBadAnswers.size >= SOURCES_OF_BAD_ANSWERS;
}
