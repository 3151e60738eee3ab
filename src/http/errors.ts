import type { z } from 'zod';
import { AppError, type FieldError, toAppError } from '../lib/app-error.ts';

/** Fastify's errors that the client causes, by their codes. */
const FASTIFY_CODES: Record<
  string,
  'payload_too_large' | 'unsupported_media_type' | 'invalid_json' | 'not_found'
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_ROUTE_MISSING_CONTENT: 'invalid_json',
};

/**
 * Converts any error of a request to an `AppError`. A ZodError here means that our own response has
 * a wrong shape, so it becomes a 500.
 */
export function toRequestError(error: unknown): AppError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const code = FASTIFY_CODES[error.code];
    if (code) return new AppError(code, { cause: error });
  }
  return toAppError(error);
}

/** Maximum number of fields in an error: a body full of mistakes needs no complete list. */
const MAX_ERRORS = 50;

/**
 * Converts an input that a schema refused to `validation`. `at` is the location of the input in the
 * request.
 */
export function toInputError(error: z.ZodError, at: readonly string[] = []): AppError {
  const errors = toFieldErrors(error).slice(0, MAX_ERRORS);
  const located = errors.map(({ path, message }) => ({ path: [...at, ...path], message }));
  return new AppError('validation', { errors: located, cause: error });
}

/**
 * Returns one entry per wrong field. For an unknown key, the entry names the key, not the object
 * that contains it.
 */
function toFieldErrors(error: z.ZodError): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const issue of error.issues) {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const fieldErrors =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known field' }))
        : [{ path, message: issue.message }];
    for (const entry of fieldErrors) {
      const field = JSON.stringify(entry.path);
      if (!errors.has(field)) errors.set(field, entry);
    }
  }
  return [...errors.values()];
}
