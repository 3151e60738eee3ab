/**
 * An address of a database that cannot be used. The message goes on after the name of the setting: "has no …". It never holds
 * a password.
 */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}
