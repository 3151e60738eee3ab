import type { SessionOptions } from './session-config.ts';

/** Time-outs of the sessions that serve requests and workers. */
export const WORK_TIMEOUTS: Pick<
  Required<SessionOptions>,
  'statement_timeout' | 'query_timeout' | 'idle_in_transaction_session_timeout'
> = {
  statement_timeout: 30_000,
  // For a server that vanished. Longer than two statement time-outs: the driver starts to count
  // when it sends a statement, which may wait behind another one that times out too.
  query_timeout: 65_000,
  // Transactions contain only database work: an idle one belongs to a frozen process, and others
  // wait for its locks. Well below `statement_timeout`, so that their statements succeed.
  idle_in_transaction_session_timeout: 10_000,
};
