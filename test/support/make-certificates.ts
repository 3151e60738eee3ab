import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAccount } from '../../src/db/embedded/find-account.ts';

/**
 * PEM files for a server on `localhost` and for a client named `client`, signed by an authority of
 * the test's own.
 */
export interface Certificates {
  readonly folder: string;
  readonly authority: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** The client's key, encrypted with the password `geheim`. */
  readonly encryptedKey: string;
  end(): Promise<void>;
}

/** Why tests that need openssl are skipped; undefined if they run. */
export const WITHOUT_OPENSSL =
  spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed';

/** Creates them with openssl. The user of an embedded PostgreSQL can read the server's key. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'cta-certificates-'));
  await chmod(folder, 0o755);
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test',
  );
  await writeFile(path('names'), 'subjectAltName=DNS:localhost');
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=client'],
  ] as const) {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const signed = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'names',
    ];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
  openssl('pkey', '-in', 'client.key', '-aes256', '-passout', 'pass:geheim', '-out', 'client.encrypted.key');
  await chmod(path('server.key'), 0o600);
  if (process.getuid?.() === 0) {
    const { uid, gid } = await findAccount(path('none'));
    await chown(path('server.key'), uid, gid);
  }
  return {
    folder,
    authority: path('ca.pem'),
    serverCert: path('server.pem'),
    serverKey: path('server.key'),
    clientCert: path('client.pem'),
    clientKey: path('client.key'),
    encryptedKey: path('client.encrypted.key'),
    end: () => rm(folder, { recursive: true, force: true }),
  };
}
