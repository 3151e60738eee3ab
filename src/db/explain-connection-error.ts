import { ConnectionError } from './connection/connection-error.ts';

const ENCODE = 'In an address, write / # ? @ % as %2F %23 %3F %40 %25.';

/**
 * Explains a connection error to the operator who set DATABASE_URL. Returns undefined for errors
 * that the setting does not cause, such as a server that is down.
 */
export function explainConnectionError(error: unknown): string | undefined {
  const reason = findReason(error);
  if (reason === undefined) return undefined;
  const { code = '', message } = reason;
  if (reason instanceof ConnectionError) return message;
  // The server's message is included: the server knows best why it refused.
  if (code === '28P01') return `The server rejects the password in DATABASE_URL: ${message}. ${ENCODE}`;
  if (code === '28000')
    return `The server rejects the connection of DATABASE_URL: ${message}.${adviseTls(message)}`;
  if (code === '3D000') return `The database in DATABASE_URL does not exist: ${message}.`;
  if (/^SASL: /.test(message)) return `The server could not check the password in DATABASE_URL: ${message}.`;
  if (code === '08P01' && /startup parameter/.test(message)) {
    return `A pooler rejects the connection of DATABASE_URL: ${message}. Remove that parameter, or configure the pooler to ignore it (ignore_startup_parameters of PgBouncer).`;
  }
  return undefined;
}

function adviseTls(message: string): string {
  return /no encryption|SSL off/.test(message) ? ' The server may require TLS: add sslmode=require.' : '';
}

/** Returns the innermost error. */
function findReason(error: unknown): (Error & { code?: string }) | undefined {
  if (error instanceof ConnectionError) return error;
  if (error instanceof AggregateError) return findReason(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  return error.cause === undefined ? error : findReason(error.cause);
}
