/**
 * Classifies database errors by their SQLSTATE or the driver's code, anywhere in the chain of
 * causes. Codes: PostgreSQL, Appendix A.
 */

/** System codes for a connection that was lost or cannot be opened. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT', // a Unix socket whose server is being restarted
]);

/**
 * SQLSTATEs of a server that is not available now: connection errors (08), insufficient resources
 * (53), operator intervention (57P), system errors (58), a statement or lock timeout (57014,
 * 55P03), a standby during a failover (25006), idle in transaction (25P03), a role or database for
 * which new connections are refused (28, 3D000).
 */
const UNAVAILABLE = /^(?:(?:08|28|53|58)\w{3}|57P\w\w|57014|55P03|25006|25P03|3D000)$/;

/** The driver has no codes for its own errors. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client was closed)|^Cannot use a pool after calling end/;

/** Whether the database is not reachable or not available now. The statement may succeed later. */
export function isUnavailable(error: unknown): boolean {
  return hasInChain(
    error,
    (e, code) => NETWORK_CODES.has(code) || UNAVAILABLE.test(code) || LOST.test(e.message),
  );
}

/** A deadlock or a serialization failure: the transaction can be run again as it is. */
export function isRetryableConflict(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '40P01' || code === '40001');
}

/**
 * The statement was not run: an earlier one in its transaction failed, and its error has the
 * reason.
 */
export function isAborted(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '25P02');
}

/** A lock was not granted within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '55P03');
}

/** The role may not do this. */
export function isForbidden(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '42501');
}

/** A unique index refused the row. */
export function isUniqueViolation(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '23505');
}

/** A referenced row does not exist (any more). */
export function isForeignKeyViolation(error: unknown): boolean {
  return hasInChain(error, (_, code) => code === '23503');
}

/** Looks at an error, its causes, and the parts of those that have several. */
function hasInChain(error: unknown, test: (error: Error, code: string) => boolean): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 6; e = e.cause, depth += 1) {
    const { code } = e as { code?: unknown };
    if (test(e, typeof code === 'string' ? code : '')) return true;
    if (e instanceof AggregateError && e.errors.some((inner) => hasInChain(inner, test))) return true;
  }
  return false;
}
