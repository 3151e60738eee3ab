import { type Database, openDatabase } from '../db/client.ts';
import { type EmbeddedServer, openEmbeddedServer } from '../db/embedded/embedded-server.ts';
import { explainConnectionError } from '../db/explain-connection-error.ts';
import { findSchemaVersion } from '../db/find-schema-version.ts';
import { inspectSession } from '../db/inspect-server.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { ForeignSchemaError, NewerSchemaError } from '../db/schema-version.ts';
import { isForbidden, isLockTimeout, isUnavailable } from '../lib/database-error.ts';
import type { Log } from '../lib/log.ts';
import type { Tracing } from '../lib/tracing.ts';
import { notifyChanges } from '../pipeline/notify-changes.ts';
import { installQueue, openQueue, type Queue } from '../queue/queue.ts';
import { checkOpenFiles } from './check-open-files.ts';
import { type Closer, closeAll } from './close-all.ts';
import { type Settings, SettingsError } from './config.ts';
import { findSessionFaults } from './find-session-faults.ts';

/** The folder of the embedded server, its password and the default token. */
export const DATA_FOLDER = '.data';

/** The folder of models from the hub. */
export const MODELS_FOLDER = `${DATA_FOLDER}/models`;

/**
 * The database and queue that every command needs: a PostgreSQL whose schema is up to date, and the
 * queue in it.
 */
export interface Runtime {
  readonly url: string;
  readonly database: Database;
  /** The newest migration applied, as in `findSchemaVersion`. */
  readonly schemaVersion: number;
  readonly queue: Queue;
  /** Whether this is the embedded PostgreSQL. */
  readonly embedded: boolean;
  /** In the order in which the parts were opened, so the embedded server is closed last. */
  readonly closers: readonly Closer[];
}

/**
 * Opens the PostgreSQL of DATABASE_URL, or the embedded one; migrates it; opens the queue.
 *
 * @throws SettingsError if the operator can fix the reason.
 */
export async function openRuntime(
  settings: Settings,
  log: Log,
  options: { supervise: boolean; tracing?: Tracing },
): Promise<Runtime> {
  const { url, embedded, closers } = await openServer(settings, log);
  try {
    if (!embedded) await checkSession(url);
    await migrateDatabase(url, () => installQueue({ url, log, supervise: false }), {
      allowNewer: settings.ALLOW_NEWER_SCHEMA,
    });
    const poolSize = settings.DATABASE_POOL;
    const database = openDatabase({ url, poolSize, applicationName: 'cta-batch' });
    closers.push({ name: 'the database', close: database.close });
    const schemaVersion = await findSchemaVersion(database.orm);
    const stopNotifying = notifyChanges(database);
    closers.push({ name: 'the notifications of changes', close: stopNotifying });
    const queue = await openQueue({ url, log, ...options });
    closers.push({ name: 'the queue', close: queue.stop });
    return { url, database, schemaVersion, queue, embedded, closers };
  } catch (error) {
    await closeAll(closers, log);
    if (error instanceof NewerSchemaError) throw new SettingsError(describeNewerSchema(error));
    if (error instanceof ForeignSchemaError) throw new SettingsError(describeForeignSchema(embedded));
    const explained = embedded ? undefined : explainConnectionError(error);
    if (explained !== undefined) throw new SettingsError(explained);
    if (isLockTimeout(error)) throw new SettingsError(LOCKED);
    if (isForbidden(error)) throw new SettingsError(describeForbidden(error));
    if (settings.DATABASE_URL === undefined || !isUnavailable(error)) throw error;
    throw new SettingsError(
      `DATABASE_URL points to a PostgreSQL that cannot be used at the moment: ${reasonOf(error)}.`,
    );
  }
}

/** Throws `SettingsError` if the program cannot work with this server at all. Writes nothing. */
async function checkSession(url: string): Promise<void> {
  const faults = findSessionFaults(await inspectSession(url));
  if (faults.length === 0) return;
  const says = faults.map((fault) => fault.says).join('; ');
  throw new SettingsError(`DATABASE_URL points to a PostgreSQL that this program cannot use: ${says}.`);
}

const LOCKED =
  'The database could not be migrated: a transaction has held a lock that the migration needs for more than a minute. ' +
  'Find that transaction in pg_stat_activity, end it, and start again.';

function describeNewerSchema({ migratedTo }: NewerSchemaError): string {
  return (
    `The database was migrated by a newer version of this program (its schema is of ${migratedTo.toISOString()}). ` +
    'Start that version or a later one. To go back to this one, see docs/operations/upgrade.md.'
  );
}

function describeForeignSchema(embedded: boolean): string {
  const remedy = embedded
    ? `Delete the folder ${DATA_FOLDER}`
    : 'Drop the schemas cta and cta_jobs, or use another database';
  return `The database was made by a version before 0.1.0, which cannot be upgraded. ${remedy}, and start again.`;
}

function describeForbidden(error: unknown): string {
  return (
    `The role of DATABASE_URL does not have the privileges to migrate the database: ${reasonOf(error)}. ` +
    'Run "cta-batch migrate" as the role that owns the database first; see docs/operations/database.md.'
  );
}

/** Returns the PostgreSQL of DATABASE_URL unchecked, or starts or joins the embedded one. */
export async function openServer(
  settings: Settings,
  log: Log,
): Promise<{ url: string; embedded: boolean; closers: Closer[] }> {
  checkOpenFiles();
  if (settings.DATABASE_URL !== undefined)
    return { url: settings.DATABASE_URL, embedded: false, closers: [] };
  const server = await openEmbedded(log);
  const closers = [{ name: 'the embedded PostgreSQL', close: server.stop }];
  // The embedded server has no TLS. Connections to it do not leave this machine.
  return { url: `${server.url}?sslmode=disable`, embedded: true, closers };
}

async function openEmbedded(log: Log): Promise<EmbeddedServer> {
  try {
    return await openEmbeddedServer({
      folder: DATA_FOLDER,
      log: { info: (message) => log.info({}, message), warn: (message) => log.warn({}, message) },
    });
  } catch (error) {
    throw explainEmbeddedError(error as NodeJS.ErrnoException);
  }
}

/** All causes are on this machine and have the same remedy, so a stack trace would not help. */
function explainEmbeddedError({ code = '', message }: NodeJS.ErrnoException): SettingsError {
  if (['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(code)) {
    return new SettingsError(
      `The folder ${DATA_FOLDER} is not writable (${code}). Start in a folder that you can write, or set DATABASE_URL.`,
    );
  }
  if (message.includes('DATABASE_URL')) return new SettingsError(message);
  return new SettingsError(
    `The embedded PostgreSQL could not be started. To use another server, set DATABASE_URL to a PostgreSQL 15 or newer. The reason: ${message}`,
  );
}

/** Returns the innermost message, for example `connect ECONNREFUSED 127.0.0.1:5432`. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
