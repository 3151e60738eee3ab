import type { MigrationMeta } from 'drizzle-orm/migrator';
import type { ClientBase } from 'pg';

/** The database was migrated by a program that knows more than this one. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
  /** When the newest migration in the database was made. */
  readonly migratedTo: Date;
  constructor(migratedTo: Date) {
    super(`the schema of ${migratedTo.toISOString()} is newer than this program`);
    this.migratedTo = migratedTo;
  }
}

/** How far a database is: `new` has none of our tables, `newer` was migrated by a later version. */
export type SchemaState =
  | { readonly is: 'new' | 'current' }
  | { readonly is: 'older' | 'newer'; readonly migratedTo: Date };

/** Compares what was applied with the migrations that this program brings, by when they were made. */
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
