import { AppError } from '../lib/app-error.ts';

/** No array of an input may have more elements, whatever its schema says. */
export const MAX_ARRAY_ITEMS = 100;
/** Inputs are three levels deep. Below that a schema has refused them before it looks at elements. */
const MAX_DEPTH = 8;

/**
 * Throws `validation` for an input with a longer array, before a schema looks at each of its elements: zod
 * makes an issue for every wrong element, and looks at the length last. Depth is no danger: nothing recurses.
 */
export function refuseLongArrays(input: unknown): void {
  const waiting: { readonly value: unknown; readonly path: readonly (string | number)[] }[] = [
    { value: input, path: [] },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) && value.length > MAX_ARRAY_ITEMS) {
      const message = `must have at most ${MAX_ARRAY_ITEMS} items`;
      throw new AppError('validation', { errors: [{ path: [...path], message }] });
    }
    if (path.length >= MAX_DEPTH) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue;
      waiting.push({ value: inner, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
}
