/**
 * Returns a value that must be there, such as the id of a row that was just written. Throws if it is
 * not: an empty text instead of an id would be stored or searched for. `what` names it.
 */
export function requireValue<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
