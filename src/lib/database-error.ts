/**
 * What a database error means, read from its SQLSTATE or the driver's code anywhere in the chain of causes.
 * Codes: PostgreSQL, Appendix A.
 */

const CONNECTION_LOST = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  '08000', // connection_exception
  '08003',
  '08006',
  '53300', // too_many_connections
  '57P01', // admin_shutdown: also what pg_terminate_backend gives
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
]);

/** The connection is gone or cannot be had: the same statement may work in a moment. */
export function isConnectionLost(error: unknown): boolean {
  return hasCode(error, (code) => CONNECTION_LOST.has(code));
}

/** A deadlock or a serialization failure: the transaction can be run again as it is. */
export function isRetryableConflict(error: unknown): boolean {
  return hasCode(error, (code) => code === '40P01' || code === '40001');
}

/** A unique index refused the row. */
export function isUniqueViolation(error: unknown): boolean {
  return hasCode(error, (code) => code === '23505');
}

/** A row that is referred to is not (or no longer) there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return hasCode(error, (code) => code === '23503');
}

function hasCode(error: unknown, test: (code: string) => boolean): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 6; e = e.cause, depth += 1) {
    const { code } = e as { code?: unknown };
    if (typeof code === 'string' && test(code)) return true;
    if (e instanceof AggregateError && e.errors.some((inner) => hasCode(inner, test))) return true;
  }
  return false;
}
