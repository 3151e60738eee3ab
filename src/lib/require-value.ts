/**
 * Returns a value that must exist, such as the id of a row that was just written. Throws if it is
 * missing: an empty text used instead of an id would be stored or searched for. `what` names the
 * value.
 */
export function requireValue<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
