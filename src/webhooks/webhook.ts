/** An address that a workspace wants to be told at. Its secret is shown once, when it is made. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly createdAt: Date;
}

/** What is told: all previews of a batch are final. A batch that is tried again may tell again. */
export type WebhookEvent = 'batch.finished';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** A message to one webhook, as the log of the deliveries shows it. */
export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  /** What it is about: a batch's id. */
  readonly subjectId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  /** Of the last try: the status that was answered; null if there was none, or not yet. */
  readonly lastStatus: number | null;
  /** A sentence: why the last try did not deliver. Null also while one is under way. */
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly attemptedAt: Date | null;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after a try that brought nothing the next one is due: 14 tries within 23 to 25 hours. */
const BACKOFF_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  ...Array<number>(7).fill(3 * HOUR_MS),
];
/** Up to so much of the pause is added by chance: what failed together does not come back together. */
const JITTER = 0.1;

/** Statuses that say that a receiver cannot take it now: with them, a `Retry-After` is honoured. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** Longer pauses that a receiver asks for are cut to this; the number of tries stays. */
const MAX_ASKED_MS = HOUR_MS;

/** A try that is not ended by then has lost its worker: more than the time-out of a request and some trouble with the database. */
export const LEASE_MS = MINUTE_MS;

/** A job may be there so much before the delivery is due: its time and the row's are rounded. One that is dropped as too early is lost. */
const EARLY_MS = SECOND_MS;

/** The pause after the try of this number (from 1), without the jitter; undefined after the last. */
export function backoffMs(attempt: number): number | undefined {
  return BACKOFF_MS[attempt - 1];
}

/** A pause with its jitter; `chance` is from 0 to 1. */
export function withJitter(pauseMs: number, chance = Math.random()): number {
  return Math.round(pauseMs * (1 + JITTER * chance));
}

/** How far a delivery has come, as its row tells. */
export interface DeliveryState {
  readonly status: string;
  readonly attempts: number;
  /** Why the last try did not deliver; null while it is under way. */
  readonly lastError: string | null;
  /** Since the last try began, by the database's clock; null before the first. */
  readonly sinceTryMs: number | null;
  /** Until the next try, by the same clock; null if none is planned, or it was planned before this was kept. */
  readonly dueInMs: number | null;
}

/**
 * What is to be done with a delivery whose job was taken: `send` it; `leave` it, as it is over, or has another job for when it is
 * due; or `give_up`, as its last try was lost with its worker.
 */
export function decideDelivery(delivery: DeliveryState): 'send' | 'leave' | 'give_up' {
  const { status, attempts, lastError, sinceTryMs } = delivery;
  if (status !== 'pending') return 'leave';
  const isLeased = sinceTryMs !== null && lastError === null;
  if (untilNextTryMs(delivery) > (isLeased ? 0 : EARLY_MS)) return 'leave';
  return isLeased && backoffMs(attempts) === undefined ? 'give_up' : 'send';
}

/**
 * Returns the milliseconds until the next try of a pending delivery is due, or until the lease of the
 * one under way ends; 0 or less if that is over.
 */
export function untilNextTryMs(delivery: Omit<DeliveryState, 'status'>): number {
  const { attempts, lastError, sinceTryMs, dueInMs } = delivery;
  if (sinceTryMs === null) return 0;
  if (lastError === null) return LEASE_MS - sinceTryMs;
  return dueInMs ?? (backoffMs(attempts) ?? Infinity) - sinceTryMs;
}

/**
 * What came of a try: the status that was answered, and how long the receiver asks to wait, if it does; or else why there was no answer, in
 * a sentence.
 */
export type WebhookResponse =
  | { readonly status: number; readonly error: null; readonly retryAfterMs?: number }
  | { readonly status: null; readonly error: string };

/**
 * What a try means: a 2xx is `delivered`; a 410 (the receiver is gone for good) or the last try `failed`; else a pause, longer than usual
 * if a receiver that is busy asks for that.
 */
export function classifyResponse(
  answer: WebhookResponse,
  attempt: number,
): { readonly status: DeliveryStatus; readonly pauseMs?: number } {
  const { status } = answer;
  if (status !== null && status >= 200 && status < 300) return { status: 'delivered' };
  const pauseMs = backoffMs(attempt);
  if (status === 410 || pauseMs === undefined) return { status: 'failed' };
  const askedMs = status !== null && BUSY_STATUSES.has(status) ? (answer.retryAfterMs ?? 0) : 0;
  return { status: 'pending', pauseMs: Math.max(pauseMs, Math.min(askedMs, MAX_ASKED_MS)) };
}
