import { sql } from 'drizzle-orm';
import { customType, pgSchema, timestamp as timestampColumn, uuid } from 'drizzle-orm/pg-core';

/** Everything of ours lives in this PostgreSQL schema, so that the service can share a database. */
export const cta = pgSchema('cta');

/** A UUIDv7 made by the program: keys that sort by time keep the indexes compact on any PostgreSQL >= 15. */
export const primaryId = () => uuid('id').primaryKey();

/**
 * A moment by the database's clock. Milliseconds, because a JavaScript Date holds no more: with microseconds a
 * cursor made from a Date would skip rows.
 */
export const timestamp = (name: string) => timestampColumn(name, { withTimezone: true, precision: 3 });

/** When the row was made, by the database's clock. */
export const createdAt = () => timestamp('created_at').notNull().defaultNow();

/** Raw bytes. */
export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/** `column in ('a', 'b')` for a check constraint. The values are our own constants. */
export function oneOf(column: string, values: readonly string[]) {
  return sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`);
}
