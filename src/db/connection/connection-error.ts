/**
 * A connection that could not be made for a reason that an operator can do something about. The message is a whole sentence about
 * DATABASE_URL, without a password. The code is PostgreSQL's for a client that cannot connect.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = '08001';
}
