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

/** The schema was not made by our migrations: the database is of a version before 0.1.0. */
export class ForeignSchemaError extends Error {
  override readonly name = 'ForeignSchemaError';
  constructor() {
    super('the schema does not begin with the first migration of this program');
  }
}

/**
 * The state of a database's schema: `new` has none of our tables, `newer` was migrated by a newer
 * version of the program, `foreign` was made by other migrations.
 */
export type SchemaState =
  | { readonly is: 'new' | 'current' | 'foreign' }
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
  const { rows } = await client.query<{ first: string | null; latest: string | null }>(
    'select min(created_at) as first, max(created_at) as latest from cta.__drizzle_migrations',
  );
  const [row] = rows;
  if (!row?.first || !row.latest) return { is: 'new' };
  const { first, latest } = row;
  if (Number(first) !== Math.min(...known.map((migration) => migration.folderMillis)))
    return { is: 'foreign' };
  const newest = Math.max(...known.map((migration) => migration.folderMillis));
  if (Number(latest) === newest) return { is: 'current' };
  return { is: Number(latest) > newest ? 'newer' : 'older', migratedTo: new Date(Number(latest)) };
}
