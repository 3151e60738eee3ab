import { ConnectionError } from './connection-error.ts';
import type { DatabaseTarget } from './database-target.ts';

const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
]);

const ENCRYPT_ONLY = 'sslmode=require encrypts without checking the server';

/** Explains an error of a TLS handshake to the operator: what is wrong and how to fix it. */
export function explainTlsError(error: Error, { host, port, tls }: DatabaseTarget): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new ConnectionError(explain(), { cause: error });

  function explain(): string {
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      const { cert } = error as { cert?: { subjectaltname?: string; subject?: { CN?: string } } };
      const names = cert?.subjectaltname || cert?.subject?.CN || 'none';
      return (
        `The certificate of DATABASE_URL’s server is not for the host ${host}, but for: ${names.slice(0, 300)}. Use one of these ` +
        'names, or sslmode=verify-ca with sslrootcert=FILE, which checks the signature but not the name.'
      );
    }
    if (UNTRUSTED.has(code)) {
      const file =
        tls.rootCert === undefined || tls.rootCert === 'system'
          ? 'Add sslrootcert=FILE to DATABASE_URL, the certificate of the authority that signed it'
          : 'The file of sslrootcert must hold the certificate of the authority that signed it';
      return `The certificate of DATABASE_URL’s server, ${host}, is not trusted (${code}). ${file}; ${ENCRYPT_ONLY}.`;
    }
    if (code.startsWith('CERT_') || code.startsWith('CRL_') || code.startsWith('UNABLE_TO_')) {
      return `The certificate of DATABASE_URL’s server, ${host}, is not valid: ${message} (${code}). Renew it on the server; ${ENCRYPT_ONLY}.`;
    }
    if (/certificate.required|handshake.failure|bad.certificate|unknown.ca/i.test(`${code} ${message}`)) {
      return (
        `DATABASE_URL’s server, ${host}:${port}, aborted the TLS handshake (${code || message}). If it requires a client certificate, ` +
        'set sslcert=FILE and sslkey=FILE.'
      );
    }
    const direct = tls.isDirect
      ? ' sslnegotiation=direct needs PostgreSQL 17 or newer: remove it if the server is older.'
      : '';
    return `TLS negotiation with DATABASE_URL’s server, ${host}:${port}, failed: ${message}.${direct}`;
  }
}
