/**
 * DATABASE_URL cannot be used. The message continues a sentence that starts with the name of the
 * setting: "has no …". It never contains a password.
 */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}
