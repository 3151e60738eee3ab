import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

/**
 * Returns a timestamp as milliseconds since 1970, for raw statements, whose results drizzle does
 * not convert: a number reads the same with every driver setting. Null stays null.
 */
export function epochMs(column: SQLWrapper): SQL<number | null> {
  return sql`(extract(epoch from ${column}) * 1000)::float8`;
}

/** The inverse of `epochMs`. */
export function toDate(ms: number): Date;
export function toDate(ms: number | null): Date | null;
export function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
