import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { sessionConfig } from './client.ts';

/** Arbitrary, but the same in every version: two programs that start at once wait for each other here. */
const MIGRATION_LOCK = 727_001;

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Brings the database up to date under one advisory lock, so that programs may start at the same time. May run
 * again. `installQueue` runs under the same lock; it makes pg-boss's own schema and our queues.
 */
export async function migrateDatabase(url: string, installQueue: () => Promise<void>): Promise<void> {
  const client = new Client({
    ...sessionConfig(url, 'cta-batch migrate'),
    // A migration of a large table takes as long as it takes.
    statement_timeout: 0,
    query_timeout: 0,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER, migrationsSchema: 'cta' });
    await installQueue();
  } finally {
    await client.end();
  }
}
