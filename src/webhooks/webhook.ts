/**
 * An address to which a workspace wants events sent. Its secret is shown once, when it is created.
 */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly createdAt: Date;
}

/** `batch.finished`: all previews of a batch are final. A retried batch may send it again. */
export type WebhookEvent = 'batch.finished';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** A message to one webhook, as the list of deliveries shows it. */
export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  /** The id of the batch. */
  readonly subjectId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  /**
   * The status code of the response to the last try; null without a response, or while one is
   * awaited.
   */
  readonly lastStatus: number | null;
  /** A sentence: why the last try did not deliver. Also null while a try is under way. */
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly attemptedAt: Date | null;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The pauses after failed tries: 14 tries within 23 to 25 hours. */
const BACKOFF_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  ...Array<number>(7).fill(3 * HOUR_MS),
];
/**
 * Up to this fraction of the pause is added at random, so that deliveries that failed together do
 * not come back together.
 */
const JITTER = 0.1;

/** Statuses of a receiver that cannot accept a message now; with them, `Retry-After` is honored. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** The longest pause that a receiver can ask for; the number of tries stays the same. */
const MAX_REQUESTED_MS = HOUR_MS;

/**
 * A try that has not ended after this has lost its worker: longer than the timeout of a request and
 * some trouble with the database.
 */
export const LEASE_MS = MINUTE_MS;

/**
 * Clock tolerance: a job may come this much before its delivery is due, as both times are rounded.
 * A job that is dropped as too early is lost.
 */
const CLOCK_TOLERANCE_MS = SECOND_MS;

/** Returns the pause after a try (from 1), without jitter; undefined after the last one. */
export function backoffMs(attempt: number): number | undefined {
  return BACKOFF_MS[attempt - 1];
}

/** Adds jitter to a pause; `random` is from 0 to 1. */
export function withJitter(pauseMs: number, random = Math.random()): number {
  return Math.round(pauseMs * (1 + JITTER * random));
}

/** The state of a delivery, from its row. */
export interface DeliveryState {
  readonly status: string;
  readonly attempts: number;
  /** Why the last try did not deliver; null while it is under way. */
  readonly lastError: string | null;
  /** Milliseconds since the last try began, by the database's clock; null before the first. */
  readonly sinceTryMs: number | null;
  /**
   * Milliseconds until the next try, by the same clock; null if none is planned, or if an older
   * version planned it.
   */
  readonly dueInMs: number | null;
}

/**
 * Decides about a delivery whose job was taken: `send` it; `leave` it, as it is finished or has
 * another job for the time when it is due; or `give_up`, as its last try was lost with its worker.
 */
export function decideDelivery(delivery: DeliveryState): 'send' | 'leave' | 'give_up' {
  const { status, attempts, lastError, sinceTryMs } = delivery;
  if (status !== 'pending') return 'leave';
  const isLeased = sinceTryMs !== null && lastError === null;
  if (untilNextTryMs(delivery) > (isLeased ? 0 : CLOCK_TOLERANCE_MS)) return 'leave';
  return isLeased && backoffMs(attempts) === undefined ? 'give_up' : 'send';
}

/**
 * Returns the milliseconds until the next try of a pending delivery is due, or until the lease of
 * the present try ends; 0 or less if that is over.
 */
export function untilNextTryMs(delivery: Omit<DeliveryState, 'status'>): number {
  const { attempts, lastError, sinceTryMs, dueInMs } = delivery;
  if (sinceTryMs === null) return 0;
  if (lastError === null) return LEASE_MS - sinceTryMs;
  return dueInMs ?? (backoffMs(attempts) ?? Infinity) - sinceTryMs;
}

/**
 * The result of a try: the status code of the response and, if the receiver sent one, the pause it
 * asks for; or a sentence that says why there was no response.
 */
export type WebhookResponse =
  | { readonly status: number; readonly error: null; readonly retryAfterMs?: number }
  | { readonly status: null; readonly error: string };

/**
 * Returns what a result means. A 2xx is `delivered`. A 410 (the receiver is gone for good) or a
 * failure of the last try is `failed`. Otherwise there is a pause, longer than usual if a busy
 * receiver asks for it.
 */
export function classifyResponse(
  response: WebhookResponse,
  attempt: number,
): { readonly status: DeliveryStatus; readonly pauseMs?: number } {
  const { status } = response;
  if (status !== null && status >= 200 && status < 300) return { status: 'delivered' };
  const pauseMs = backoffMs(attempt);
  if (status === 410 || pauseMs === undefined) return { status: 'failed' };
  const requestedMs = status !== null && BUSY_STATUSES.has(status) ? (response.retryAfterMs ?? 0) : 0;
  return { status: 'pending', pauseMs: Math.max(pauseMs, Math.min(requestedMs, MAX_REQUESTED_MS)) };
}
