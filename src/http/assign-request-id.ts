import { randomUUID } from 'node:crypto';

/** The id of a request, in its answer and in every line of the log: the client's own (`X-Request-Id`) if it is harmless. */
export function assignRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
