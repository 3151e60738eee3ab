/**
 * A connection failed for a reason that the operator can fix. The message is a whole sentence about
 * DATABASE_URL, without a password. The code is PostgreSQL's for a client that cannot connect.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = '08001';
}
