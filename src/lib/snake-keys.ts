const spelled = new Map<string, string>();

/** `batchSize` -> `batch_size`. */
export function toSnakeCase(key: string): string {
  let snake = spelled.get(key);
  if (snake === undefined) {
    snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    // Only keys of our own shapes come here, so this stays small.
    spelled.set(key, snake);
  }
  return snake;
}

/** The same value with snake_case keys at every depth, as REST has them. Dates are left for JSON to write. */
export function withSnakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeKeys);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) result[toSnakeCase(key)] = withSnakeKeys(inner);
  return result;
}
