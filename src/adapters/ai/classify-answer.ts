import { APIConnectionTimeoutError, APIError } from 'openai';
import { AppError, toAppError } from '../../lib/app-error.ts';
import { readRetryAfter } from '../../lib/read-retry-after.ts';
import { type ErrorBody, readErrorBody } from './read-error-body.ts';

/**
 * Codes for a request that violates a policy, as used by OpenAI, Azure, Gemini, Alibaba,
 * Volcengine, and services that copy them.
 */
const POLICY_CODE =
  /content_?(policy|filter|moderation|safety)|moderation|policy_?violation|safety_?(violation|system|check|block)|^(image_)?safety$|prohibited_?content|sensitive_?(content|word)|data_?inspection_?failed|inappropriate|responsible_?ai|^(blocklist|recitation|spii|nsfw)$/i;
/**
 * OpenAI uses this code for images: for moderation, mostly without a detailed code, and for a file
 * that cannot be read, with one.
 */
const IMAGE_ERROR = 'image_generation_user_error';

/** The same in sentences, for services without a code for it. */
const POLICY_SENTENCE =
  /safety system|content (management )?polic|usage (polic|guideline)|content (filter|moderation)|polic(y|ies) violation|sensitive (word|content)|inappropriate content|prohibited content|unsafe content|flagged (as|by|for)\b|responsible ai|敏感|违规/i;
/** A sentence about the account says nothing about the product. */
const ACCOUNT_SENTENCE = /\b(account|organi[sz]ation|access)\b.*\b(suspend|terminat|disabl|deactivat|block)/i;
const POLICY_SENTENCE_STATUSES: ReadonlySet<number> = new Set([400, 403, 422, 451]);

/** Codes for an invalid key in answers with another status than 401 and 403: Gemini sends 400. */
const KEY_CODE =
  /^(api_?key_?(invalid|expired|missing|required|not_?found|(service|http_?referrer|ip_?address)_?blocked)|(invalid|incorrect|missing|expired)_?api_?key|invalid_?(authentication|credentials|token|access_?token)|unauthenticated|unauthorized|permission_?denied|authentication_?(error|failed|required)|access_?token_?(expired|invalid)|account_?(deactivated|suspended|disabled)|consumer_?(invalid|suspended))$/i;

/** Groq sends these when the model's text does not fit the schema. The next try mostly succeeds. */
const BAD_ANSWER_CODE = /^(json_validate_failed|tool_use_failed|output_parse_failed)$/i;

/** Statuses below 500 with which services and gateways report temporary failures. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([
  408, 409, 421, 423, 424, 425, 444, 449, 460, 498, 499,
]);

/**
 * Converts an error of the `openai` client into an `AppError` with our code. The words of the
 * service stay in the cause, because they may quote the product's page or our key. `body` is the
 * whole body of an error response; the client keeps only a part of it.
 */
export function classifyAnswer(error: unknown, now: number, body?: unknown): AppError {
  if (error instanceof APIConnectionTimeoutError) return new AppError('ai_timeout', { cause: error });
  if (!(error instanceof APIError)) return toAppError(error);
  if (error.status === undefined) return new AppError('ai_connection_lost', { cause: error });
  return classifyStatus(error, {
    status: error.status,
    now,
    ...readErrorBody(body ?? { error: error.error }),
  });
}

interface Refusal extends ErrorBody {
  readonly status: number;
  readonly now: number;
}

function classifyStatus(error: APIError, refusal: Refusal): AppError {
  const { status, now, codes } = refusal;
  const retryAfterMs = readRetryAfter(error.headers, now);
  const isRequestError = status >= 400 && status < 500 && status !== 401 && status !== 429;
  // Check refusals first: some services send them with 403, which must not look like a wrong key.
  if (isRequestError && isPolicy(refusal)) return new AppError('ai_refused', { cause: error });
  const isKeyError = isRequestError && status !== 404 && codes.some((code) => KEY_CODE.test(code));
  if (status === 401 || status === 403 || isKeyError)
    return new AppError('ai_unauthorized', { cause: error });
  if (status === 429 || status === 420 || (status === 503 && retryAfterMs !== undefined)) {
    return new AppError('ai_rate_limited', {
      cause: error,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  if (status >= 500 || PASSING_STATUSES.has(status)) return new AppError('ai_server_error', { cause: error });
  if (isRequestError && codes.some((code) => BAD_ANSWER_CODE.test(code))) {
    return new AppError('ai_bad_answer', { cause: error });
  }
  return new AppError('ai_bad_request', { cause: error });
}

function isPolicy({ status, codes, messages }: Refusal): boolean {
  const named = codes.filter((code) => code !== IMAGE_ERROR);
  if (named.some((code) => POLICY_CODE.test(code))) return true;
  if (named.length === 0 && codes.length > 0) return true;
  return (
    POLICY_SENTENCE_STATUSES.has(status) &&
    messages.some((message) => POLICY_SENTENCE.test(message) && !ACCOUNT_SENTENCE.test(message))
  );
}
