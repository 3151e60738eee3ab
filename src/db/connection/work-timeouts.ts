import type { SessionOptions } from './session-config.ts';

/** Of the sessions that serve requests and workers. */
export const WORK_TIMEOUTS: Pick<
  Required<SessionOptions>,
  'statement_timeout' | 'query_timeout' | 'idle_in_transaction_session_timeout'
> = {
  statement_timeout: 30_000,
  // For a server that is gone without a word: longer than it would take to say that a statement took too long, also that of the
  // one before, behind which it was sent (the driver counts from there).
  query_timeout: 65_000,
  // A transaction does nothing but database work: one that is idle for so long is of a frozen process, and others wait for
  // its locks (the limit's, say). Well below the time-out of a statement, so that theirs succeed.
  idle_in_transaction_session_timeout: 10_000,
};
