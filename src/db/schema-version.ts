import type { MigrationMeta } from 'drizzle-orm/migrator';
import type { ClientBase } from 'pg';

/** A newer version of the program has migrated the database. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
  /** When the newest migration in the database was created. */
  readonly migratedTo: Date;
  constructor(migratedTo: Date) {
    super(`the schema of ${migratedTo.toISOString()} is newer than this program`);
    this.migratedTo = migratedTo;
  }
}

/**
 * The state of a database's schema: `new` has none of our tables, `newer` was migrated by a newer
 * version of the program.
 */
export type SchemaState =
  | { readonly is: 'new' | 'current' }
  | { readonly is: 'older' | 'newer'; readonly migratedTo: Date };

/** Compares the newest applied migration with the newest one of this program, by creation time. */
export async function findSchemaState(
  client: ClientBase,
  known: readonly MigrationMeta[],
): Promise<SchemaState> {
  const { rows: tables } = await client.query<{ found: string | null }>(
    `select to_regclass('cta.__drizzle_migrations') as found`,
  );
  if (!tables[0]?.found) return { is: 'new' };
  const { rows } = await client.query<{ latest: string | null }>(
    'select max(created_at) as latest from cta.__drizzle_migrations',
  );
  const latest = rows[0]?.latest;
  if (!latest) return { is: 'new' };
  const newest = Math.max(...known.map((migration) => migration.folderMillis));
  if (Number(latest) === newest) return { is: 'current' };
  return { is: Number(latest) > newest ? 'newer' : 'older', migratedTo: new Date(Number(latest)) };
}
