import { AppError } from '../lib/app-error.ts';

/** The limit on elements of any array in an input, whatever its schema allows. */
export const MAX_ARRAY_ITEMS = 100;
/** Inputs are three levels deep. A schema refuses a deeper one before it checks elements. */
const MAX_DEPTH = 8;

/**
 * Throws `validation` for a longer array before a schema checks each of its elements: zod creates
 * an issue for every wrong element and checks the length last. Depth is harmless: nothing recurses.
 */
export function refuseLongArrays(input: unknown): void {
  const pending: { readonly value: unknown; readonly path: readonly (string | number)[] }[] = [
    { value: input, path: [] },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) && value.length > MAX_ARRAY_ITEMS) {
      const message = `must have at most ${MAX_ARRAY_ITEMS} items`;
      throw new AppError('validation', { errors: [{ path: [...path], message }] });
    }
    if (path.length >= MAX_DEPTH) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue;
      pending.push({ value: inner, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
}
