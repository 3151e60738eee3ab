import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

/**
 * A moment as milliseconds since 1970, for raw statements: what they answer is not converted, and a number is read the
 * same everywhere. Null stays null.
 */
export function epochMs(moment: SQLWrapper): SQL<number | null> {
  return sql`(extract(epoch from ${moment}) * 1000)::float8`;
}

/** The other way. */
export function toDate(ms: number): Date;
export function toDate(ms: number | null): Date | null;
export function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
