import { isUnavailable } from './database-error.ts';

/**
 * Every failure that this service reports, in one table: the HTTP status, the tRPC code, whether a
 * retry may help, and a sentence for the user. A published code keeps its meaning.
 *
 * `retry`: `never` (a retry fails again), `backoff` (the cause may go away by itself), `after` (the
 * other side says when to retry).
 */
const ERRORS = {
  // Requests
  validation: row(400, 'BAD_REQUEST', 'never', 'The request is not valid. See "errors" for each field.'),
  invalid_json: row(400, 'BAD_REQUEST', 'never', 'The body is not valid JSON in UTF-8.'),
  invalid_cursor: row(400, 'BAD_REQUEST', 'never', 'The cursor is not valid. Start again without one.'),
  unauthorized: row(401, 'UNAUTHORIZED', 'never', 'Send a valid token: "Authorization: Bearer <token>".'),
  not_found: row(404, 'NOT_FOUND', 'never', 'There is nothing at this address.'),
  method_not_allowed: row(
    405,
    'METHOD_NOT_SUPPORTED',
    'never',
    'This address does not support this method. The Allow header lists the supported methods.',
  ),
  not_ready: row(409, 'CONFLICT', 'backoff', 'The preview is not done yet. Wait until its status is "done".'),
  already_final: row(409, 'CONFLICT', 'never', 'It is already finished, so there is nothing to cancel.'),
  nothing_to_retry: row(
    409,
    'CONFLICT',
    'never',
    'No part of it failed or was canceled, so there is nothing to retry.',
  ),
  still_under_way: row(
    409,
    'CONFLICT',
    'backoff',
    'It is still in progress. Wait until it is finished, or cancel it.',
  ),
  precondition_failed: row(
    412,
    'PRECONDITION_FAILED',
    'never',
    'The preview has changed since you read it. Read it again and send the change with the new ETag.',
  ),
  idempotency_conflict: row(
    409,
    'CONFLICT',
    'backoff',
    'A request with this Idempotency-Key is still in progress. Retry after a moment.',
  ),
  idempotency_mismatch: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'This Idempotency-Key was already used for a different request. Use a new key for each new request.',
  ),
  rate_limited: row(
    429,
    'TOO_MANY_REQUESTS',
    'after',
    'Too many requests. Wait for the time in Retry-After.',
  ),
  too_many_streams: row(
    429,
    'TOO_MANY_REQUESTS',
    'after',
    'This workspace has too many open event streams. Close some, or wait for the time in Retry-After.',
  ),
  overloaded: row(
    503,
    'SERVICE_UNAVAILABLE',
    'after',
    'The service cannot open more event streams. Wait for the time in Retry-After.',
  ),
  payload_too_large: row(413, 'PAYLOAD_TOO_LARGE', 'never', 'The body is larger than 64 KB.'),
  unsupported_media_type: row(415, 'UNSUPPORTED_MEDIA_TYPE', 'never', 'Send the body as application/json.'),
  internal: row(500, 'INTERNAL_SERVER_ERROR', 'backoff', 'An internal error occurred. Try again.'),
  unavailable: row(
    503,
    'SERVICE_UNAVAILABLE',
    'backoff',
    'The database cannot be reached at the moment. Try again.',
  ),

  // Reading pages
  address_refused: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The address is not a public web address, so it was not fetched.',
  ),
  dns_failed: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'backoff',
    'The host name of the page could not be found. Check the address.',
  ),
  page_unreachable: row(422, 'UNPROCESSABLE_CONTENT', 'backoff', 'The shop could not be reached.'),
  page_timeout: row(422, 'UNPROCESSABLE_CONTENT', 'backoff', 'The shop took too long to answer.'),
  page_cut: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'backoff',
    'The shop closed the connection before the whole page was received.',
  ),
  page_gone: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The shop says that this page does not exist. Check the address.',
  ),
  page_blocked: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The shop does not allow this service to read the page.',
  ),
  page_login: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The page requires a login. Use an address that can be read without one.',
  ),
  page_throttled: row(422, 'UNPROCESSABLE_CONTENT', 'after', 'The shop asks for fewer requests.'),
  page_disallowed: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    "The shop's robots.txt does not allow this page to be read.",
  ),
  page_failed: row(422, 'UNPROCESSABLE_CONTENT', 'backoff', 'The shop returned an error.'),
  page_not_html: row(422, 'UNPROCESSABLE_CONTENT', 'never', 'The address is not a web page (HTML).'),
  page_too_large: row(422, 'UNPROCESSABLE_CONTENT', 'never', 'The page is too large to read.'),
  bad_redirect: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The shop redirects too many times, or to an invalid address.',
  ),
  not_a_product: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'No product was found on the page. Use the address of a product page.',
  ),
  no_usable_picture: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The page has no product image that can be used.',
  ),
  source_crashed: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The worker crashed several times while it read this page, so the page is not retried.',
  ),

  // Calling the AI service
  ai_refused: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'never',
    'The AI service refused this product because of its content policy.',
  ),
  ai_bad_request: row(
    502,
    'BAD_GATEWAY',
    'never',
    'The AI service rejected the request. Check the model names in the settings.',
  ),
  ai_bad_answer: row(502, 'BAD_GATEWAY', 'backoff', 'The AI service returned an unusable answer.'),
  ai_unauthorized: row(
    502,
    'BAD_GATEWAY',
    'backoff',
    'The AI service rejected the API key. Check AI_API_KEY.',
  ),
  ai_rate_limited: row(503, 'SERVICE_UNAVAILABLE', 'after', 'The AI service asks for fewer requests.'),
  ai_server_error: row(502, 'BAD_GATEWAY', 'backoff', 'The AI service returned a server error.'),
  ai_unreachable: row(502, 'BAD_GATEWAY', 'backoff', 'The AI service could not be reached.'),
  ai_timeout: row(504, 'GATEWAY_TIMEOUT', 'backoff', 'The AI service did not answer in time.'),
  ai_connection_lost: row(
    502,
    'BAD_GATEWAY',
    'backoff',
    'The connection to the AI service was lost before it answered.',
  ),
  provider_unavailable: row(
    503,
    'SERVICE_UNAVAILABLE',
    'backoff',
    'The AI service kept failing for the whole waiting time. Try again when it works.',
  ),
  ai_outcome_unknown: row(
    502,
    'BAD_GATEWAY',
    'backoff',
    'A worker ended while it waited for the answer of the AI service.',
  ),
  superseded: row(409, 'CONFLICT', 'never', 'Another attempt of this call was answered first.'),
  slot_expired: row(
    503,
    'SERVICE_UNAVAILABLE',
    'backoff',
    'The call could not be sent while its slot was valid.',
  ),
  cancelled: row(409, 'CONFLICT', 'backoff', 'It was canceled.'),
  all_failed: row(
    422,
    'UNPROCESSABLE_CONTENT',
    'backoff',
    'No preview could be generated. See the error of each source and preview.',
  ),
  deleted: row(410, 'NOT_FOUND', 'never', 'All previews of this batch were deleted.'),

  // Webhooks
  webhook_failed: row(502, 'BAD_GATEWAY', 'backoff', 'The message could not be delivered to the webhook.'),
} as const satisfies Record<string, ErrorRow>;

/** Whether and when a retry may help. */
export type RetryAdvice = 'never' | 'backoff' | 'after';

interface ErrorRow {
  readonly httpStatus: number;
  readonly trpcCode: string;
  readonly retry: RetryAdvice;
  readonly sentence: string;
}

function row<const C extends string>(httpStatus: number, trpcCode: C, retry: RetryAdvice, sentence: string) {
  return { httpStatus, trpcCode, retry, sentence };
}

/** A stable error code. */
export type ErrorCode = keyof typeof ERRORS;

/**
 * One invalid field of an input. `path` leads to it; each API writes the path in its own notation.
 */
export interface FieldError {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export interface AppErrorOptions {
  /**
   * A sentence for this case, instead of the code's own. Must not contain SQL, a stack trace or an
   * internal address.
   */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** For `after`: how long to wait before a retry, in milliseconds, as the other side demands. */
  readonly retryAfterMs?: number;
  /** The usage of an answer that was paid for but cannot be used. */
  readonly usage?: PaidUsage;
  readonly cause?: unknown;
}

/** Token counts of the AI service; null if it does not report them. */
export interface PaidUsage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** The only error class for these failures: a code of the table, and the details of this case. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly retryAfterMs: number | undefined;
  readonly usage: PaidUsage | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(
      options.detail ?? ERRORS[code].sentence,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.usage = options.usage;
  }
}

/** Returns the row of a code: HTTP status, tRPC code, retry advice, sentence. */
export function describeError(code: ErrorCode): (typeof ERRORS)[ErrorCode] {
  return ERRORS[code];
}

/** Returns whether a string (for example from the database) is a code of the table. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}

/**
 * Converts any error. An unknown error becomes `internal`: status 500 and worth a retry, never a
 * 400. An unavailable database becomes `unavailable`. The cause is kept for the log.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(isUnavailable(error) ? 'unavailable' : 'internal', { cause: error });
}
