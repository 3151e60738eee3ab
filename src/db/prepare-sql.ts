import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { QueryResultRow } from 'pg';
import type { Executor } from './client.ts';

/**
 * A statement written by hand, with `sql.placeholder`s for its values: built once, and prepared in the server once per
 * connection under `name`, which must be used nowhere else. Answers the rows as the driver reads them. It is sent before the
 * call returns.
 */
export function prepareSql<Row extends QueryResultRow>(
  name: string,
  statement: SQL,
): (db: Executor, values: Readonly<Record<string, unknown>>) => Promise<Row[]> {
  const { sql: text, params } = new PgDialect().sqlToQuery(statement);
  return async (db, values) =>
    (await db.$client.query<Row>({ name, text, values: fillPlaceholders(params, values) })).rows;
}
