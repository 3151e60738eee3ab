import { readFile } from 'node:fs/promises';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { ConnectionError } from './connection-error.ts';
import type { TlsPlan } from './database-target.ts';

/**
 * Reads the certificates and the key that the URL names. They are read for each connection, because
 * the files may have been renewed.
 *
 * @throws ConnectionError that names the parameter whose file cannot be used.
 */
export async function readTlsFiles(plan: TlsPlan): Promise<SecureContext> {
  const [ca, cert, key, crl] = await Promise.all([
    plan.rootCert === 'system' ? listTrusted() : read('sslrootcert', plan.rootCert),
    read('sslcert', plan.cert),
    read('sslkey', plan.key),
    read('sslcrl', plan.crl),
  ]);
  const { minVersion, maxVersion, passphrase } = plan;
  const versions = { ...(minVersion ? { minVersion } : {}), ...(maxVersion ? { maxVersion } : {}) };
  tryFile('sslrootcert', () => createSecureContext({ ca }));
  tryFile('sslcrl', () => createSecureContext({ crl }));
  tryFile('sslcert', () => createSecureContext({ cert }));
  tryFile('sslkey', () => createSecureContext({ key, passphrase }));
  return tryFile('sslcert', () => createSecureContext({ ca, crl, cert, key, passphrase, ...versions }));
}

function listTrusted(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

async function read(parameter: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    const text = await readFile(path, 'utf8');
    if (text.includes('-----BEGIN ')) return text;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ConnectionError(
      `The file of ${parameter} in DATABASE_URL, ${path}, cannot be read (${code}).`,
      {
        cause,
      },
    );
  }
  throw new ConnectionError(`The file of ${parameter} in DATABASE_URL, ${path}, is not in PEM format.`);
}

function tryFile<T>(parameter: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const advice =
      code === 'ERR_MISSING_PASSPHRASE' || /interrupted or cancelled|bad decrypt/.test(message)
        ? ' It is encrypted: sslpassword must be its password.'
        : '';
    throw new ConnectionError(
      `The file of ${parameter} in DATABASE_URL cannot be used: ${message}.${advice}`,
      { cause },
    );
  }
}
