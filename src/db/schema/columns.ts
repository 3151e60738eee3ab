import { sql } from 'drizzle-orm';
import { customType, pgSchema, timestamp as timestampColumn, uuid } from 'drizzle-orm/pg-core';

/** All our tables are in this PostgreSQL schema, so that the service can share a database. */
export const cta = pgSchema('cta');

/**
 * A UUIDv7 that the program generates: keys that sort by time keep the indexes compact, on any
 * PostgreSQL >= 15.
 */
export const primaryId = () => uuid('id').primaryKey();

/**
 * A timestamp by the database's clock. In milliseconds, because a JavaScript Date has no more: with
 * microseconds, a cursor made from a Date would skip rows.
 */
export const timestamp = (name: string) => timestampColumn(name, { withTimezone: true, precision: 3 });

/** When the row was inserted, by the database's clock. */
export const createdAt = () => timestamp('created_at').notNull().defaultNow();

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/**
 * Returns `column in ('a', 'b')` for a check constraint. Values are not escaped: they must be
 * constants of the program, from `values.ts`.
 */
export function oneOf(column: string, values: readonly string[]) {
  return sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`);
}
