import { randomUUID } from 'node:crypto';

/**
 * Returns the id of a request for its response and its log messages: the client's own
 * (`X-Request-Id`) if it has a safe format, else a new one.
 */
export function assignRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
