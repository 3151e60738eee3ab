import { sql } from 'drizzle-orm';
import type { Executor } from './client.ts';
import { prepareSql } from './prepare-sql.ts';

const find = prepareSql<{ version: number }>(
  'find_schema_version',
  sql`select coalesce(max(created_at), 0)::float8 as version from cta.__drizzle_migrations`,
);

/**
 * Returns the newest migration applied to the database, as the milliseconds at which it was
 * created; larger is newer. 0 if there is none.
 */
export async function findSchemaVersion(db: Executor): Promise<number> {
  const [row] = await find(db, {});
  return row?.version ?? 0;
}
