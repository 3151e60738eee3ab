import { pino } from 'pino';
import pretty from 'pino-pretty';
import { proxySecrets } from '../adapters/net/proxy.ts';
import { readDatabaseUrl } from '../db/connection/read-database-url.ts';
import type { Log } from '../lib/log.ts';
import type { Settings } from './config.ts';
import { createSecretHider } from './hide-secrets.ts';
import { serializeError } from './serialize-error.ts';

/**
 * Names of fields that would contain a secret if one were ever logged, at the top level or in an
 * object.
 */
const SECRET_FIELDS = ['token', 'authorization', 'apiKey', 'password', 'secret', 'connectionString'];

/**
 * Creates the program's log, which goes to standard error: lines for people on a terminal, JSON
 * elsewhere. Standard output is for results. Secrets must not be logged. Three safeguards hide one
 * that is: the name of its field, the serializer of errors (`serializeError`), and a filter of the
 * written line (`createSecretHider`) that knows the secrets in the settings.
 */
export function createLog(level: string, settings?: Settings): Log {
  const hide = createSecretHider(settings ? listSecrets(settings) : []);
  const options = {
    level,
    redact: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.headers.${field}`]),
    serializers: { err: serializeError },
    hooks: { streamWrite: hide },
  };
  if (process.stderr.isTTY) {
    const stream = pretty({ colorize: true, destination: 2, ignore: 'pid,hostname', sync: true });
    return pino(options, stream);
  }
  return pino(options, pino.destination({ dest: 2, sync: true }));
}

function listSecrets(settings: Settings): string[] {
  const { AI_API_KEY, AI_IMAGE_API_KEY, DATABASE_URL, HTTP_PROXY, HTTPS_PROXY, FETCH_PROXY } = settings;
  return [
    ...[AI_API_KEY, AI_IMAGE_API_KEY, ...listPasswords(DATABASE_URL)].filter(
      (secret) => secret !== undefined,
    ),
    ...[HTTP_PROXY, HTTPS_PROXY, FETCH_PROXY].flatMap(proxySecrets),
  ];
}

function listPasswords(url: string | undefined): (string | undefined)[] {
  if (url === undefined) return [];
  const { password, tls } = readDatabaseUrl(url);
  return [password, tls.passphrase];
}
