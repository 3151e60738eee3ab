import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { openSession } from './client.ts';

/** Arbitrary, but the same in every version: two programs that start at once wait for each other here. */
const MIGRATION_LOCK = 727_001;

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Brings the database up to date under one advisory lock, so that programs may start at the same time. May run
 * again. `installQueue` runs under the same lock; it makes pg-boss's own schema and our queues.
 */
export async function migrateDatabase(url: string, installQueue: () => Promise<void>): Promise<void> {
  const session = openSession({ url, applicationName: 'cta-batch migrate' });
  try {
    await session`set statement_timeout = 0`;
    await session`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await migrate(drizzle(session), { migrationsFolder: MIGRATIONS_FOLDER, migrationsSchema: 'cta' });
    await installQueue();
  } finally {
    await session.end({ timeout: 5 });
  }
}
