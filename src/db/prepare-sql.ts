import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { QueryResultRow } from 'pg';
import type { Executor } from './client.ts';

/**
 * Returns a function that runs a statement written by hand, with `sql.placeholder`s for its values.
 * The text is built once, and the server prepares it once per connection under `name`, which must
 * be unique. Returns the rows as the driver reads them. The statement is sent before the call
 * returns.
 */
export function prepareSql<Row extends QueryResultRow>(
  name: string,
  statement: SQL,
): (db: Executor, values: Readonly<Record<string, unknown>>) => Promise<Row[]> {
  const { sql: text, params } = new PgDialect().sqlToQuery(statement);
  return async (db, values) =>
    (await db.$client.query<Row>({ name, text, values: fillPlaceholders(params, values) })).rows;
}
