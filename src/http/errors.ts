import type { z } from 'zod';
import { AppError, type FieldError, toAppError } from '../lib/app-error.ts';

/** Fastify's own errors that are the client's, by its code. */
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

/** Any error of a request as one of ours. A ZodError here is an answer of ours that has a wrong shape: a 500. */
export function toRequestError(error: unknown): AppError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const code = FASTIFY_CODES[error.code];
    if (code) return new AppError(code, { cause: error });
  }
  return toAppError(error);
}

/** At most so many fields are named: a body of nothing but mistakes needs no longer list. */
const MOST_ERRORS = 50;

/** An input that its schema refused, as `validation`; `at` is where it stands in the request. */
export function toInputError(error: z.ZodError, at: readonly string[] = []): AppError {
  const errors = toFieldErrors(error).slice(0, MOST_ERRORS);
  const placed = errors.map(({ path, message }) => ({ path: [...at, ...path], message }));
  return new AppError('validation', { errors: placed, cause: error });
}

/** One entry per wrong field; an unknown key is named itself, not the object it is in. */
function toFieldErrors(error: z.ZodError): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const issue of error.issues) {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const found =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known field' }))
        : [{ path, message: issue.message }];
    for (const entry of found) {
      const field = JSON.stringify(entry.path);
      if (!errors.has(field)) errors.set(field, entry);
    }
  }
  return [...errors.values()];
}
