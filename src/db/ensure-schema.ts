import type { ClientBase } from 'pg';

/**
 * Creates a schema if it is missing. Checks first, because PostgreSQL requires the privilege to
 * create schemas in the database even if the schema exists.
 */
export async function ensureSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    'select exists (select from pg_namespace where nspname = $1) as found',
    [schema],
  );
  if (!rows[0]?.found) await client.query(`create schema ${client.escapeIdentifier(schema)}`);
}
