import { AppError } from './app-error.ts';
import { isId } from './ids.ts';

/**
 * The position of a row in a list ordered by (created_at, id), and the direction in which to
 * continue from it.
 */
export interface Cursor {
  readonly direction: 'next' | 'previous';
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly id: string;
}

/** Returns the cursor as clients see it: opaque and safe in a URL. */
export function encodeCursor(cursor: Cursor): string {
  const text = `${cursor.direction === 'next' ? 'n' : 'p'}.${cursor.createdAt.toString(36)}.${cursor.id}`;
  return Buffer.from(text).toString('base64url');
}

/** Decodes a cursor. Throws `invalid_cursor` for a text that `encodeCursor` did not write. */
export function decodeCursor(text: string): Cursor {
  const [direction, time = '', id = '', ...rest] = Buffer.from(text, 'base64url')
    .toString('latin1')
    .split('.');
  const createdAt = Number.parseInt(time, 36);
  const valid =
    (direction === 'n' || direction === 'p') &&
    /^[0-9a-z]{1,9}$/.test(time) &&
    createdAt <= 8.64e15 &&
    isId(id) &&
    rest.length === 0;
  if (!valid) throw new AppError('invalid_cursor');
  return { direction: direction === 'n' ? 'next' : 'previous', createdAt, id };
}

/** One page of a list. A cursor is null if there is nothing more in its direction. */
export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
  readonly previousCursor: string | null;
}

interface Placed {
  readonly id: string;
  readonly createdAt: Date;
}

/**
 * Makes a page from rows that were read in the direction of the cursor, with a limit of `pageSize +
 * 1`: the extra row shows whether there is more. Rows before a cursor are in reverse order.
 */
export function toPage<R extends Placed>(
  rows: readonly R[],
  pageSize: number,
  cursor: Cursor | undefined,
): Page<R> {
  const more = rows.length > pageSize;
  const items = rows.slice(0, pageSize);
  const back = cursor?.direction === 'previous';
  if (back) items.reverse();
  const at = (row: R | undefined, direction: Cursor['direction']) =>
    row ? encodeCursor({ direction, createdAt: row.createdAt.getTime(), id: row.id }) : null;
  return {
    items,
    nextCursor: back || more ? at(items.at(-1), 'next') : null,
    previousCursor: (back ? more : cursor !== undefined) ? at(items[0], 'previous') : null,
  };
}
