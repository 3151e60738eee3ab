import { pino } from 'pino';
import pretty from 'pino-pretty';
import { proxySecrets } from '../adapters/net/proxy.ts';
import { readDatabaseUrl } from '../db/connection/read-database-url.ts';
import type { Log } from '../lib/log.ts';
import type { Settings } from './config.ts';
import { createSecretHider } from './hide-secrets.ts';
import { serializeError } from './serialize-error.ts';

/** Fields that would hold a secret, should one ever be logged: the names of the field itself, and in an object. */
const SECRET_FIELDS = ['token', 'authorization', 'apiKey', 'password', 'secret', 'connectionString'];

/**
 * The program's log, on standard error: lines for people on a terminal, JSON elsewhere. Standard output is for results. What is logged
 * holds no secret; should one ever be, three walls hide it: by the name of its field, in an error (`serializeError`), and in the line
 * as it is written (`createSecretHider`), for which the settings tell the secrets there are.
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
