const spelled = new Map<string, string>();

/** Returns `batchSize` as `batch_size`. */
export function toSnakeCase(key: string): string {
  let snake = spelled.get(key);
  if (snake === undefined) {
    snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    // Only keys of our own types are passed, so the cache stays small.
    spelled.set(key, snake);
  }
  return snake;
}

/**
 * Returns the value with snake_case keys at every depth, as the REST API has them. Leaves dates to
 * JSON.
 */
export function withSnakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeKeys);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) result[toSnakeCase(key)] = withSnakeKeys(inner);
  return result;
}
