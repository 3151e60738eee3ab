import { APIConnectionTimeoutError, APIError } from 'openai';
import { AppError, toAppError } from '../../lib/app-error.ts';
import { readRetryAfter } from '../../lib/read-retry-after.ts';

/** The names services give to "we will not do this": OpenAI, Azure, Gemini and those who copy them. */
const POLICY_CODE =
  /content_?(policy|filter)|moderation|policy_?violation|safety_(violation|system)|^safety$|prohibited_content/i;

/**
 * Turns what the `openai` client throws into our code. The service's own words stay in the cause: they may
 * quote the product's page or our key.
 */
export function classifyAnswer(error: unknown, now: number): AppError {
  if (error instanceof APIConnectionTimeoutError) return new AppError('ai_timeout', { cause: error });
  if (!(error instanceof APIError)) return toAppError(error);
  if (error.status === undefined) return new AppError('ai_connection_lost', { cause: error });
  return classifyStatus(error, error.status, now);
}

function classifyStatus(error: APIError, status: number, now: number): AppError {
  const retryAfterMs = readRetryAfter(error.headers, now);
  // Refusals first: some answer them with 403, which must not look like a wrong key.
  if (status >= 400 && status < 500 && status !== 401 && status !== 429 && isPolicy(error)) {
    return new AppError('ai_refused', { cause: error });
  }
  if (status === 401 || status === 403) return new AppError('ai_unauthorized', { cause: error });
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) {
    return new AppError('ai_rate_limited', {
      cause: error,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  if (status >= 500 || status === 408 || status === 409) {
    return new AppError('ai_server_error', { cause: error });
  }
  return new AppError('ai_bad_request', { cause: error });
}

function isPolicy(error: APIError): boolean {
  const details = error.error as { innererror?: { code?: unknown }; status?: unknown } | undefined;
  return [error.code, error.type, details?.status, details?.innererror?.code].some(
    (code) => typeof code === 'string' && POLICY_CODE.test(code),
  );
}
