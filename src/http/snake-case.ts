import { z } from 'zod';

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

/**
 * The schema of the same input as REST spells it: takes snake_case keys, and only those, and answers camelCase. Errors
 * name the keys as the client wrote them. Knows the kinds of schema that our inputs are made of.
 */
export function snakeCased<T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> {
  return convert(schema) as unknown as z.ZodType<z.output<T>>;
}

function convert(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) return convertObject(schema);
  if (schema instanceof z.ZodArray) {
    const checks = (schema.def.checks ?? []) as z.core.$ZodCheck<unknown[]>[];
    return z.array(convert(schema.element as z.ZodType)).check(...checks);
  }
  if (schema instanceof z.ZodOptional) return convert(schema.unwrap() as z.ZodType).optional();
  if (schema instanceof z.ZodNullable) return convert(schema.unwrap() as z.ZodType).nullable();
  if (schema instanceof z.ZodDefault) {
    return convert(schema.unwrap() as z.ZodType).default(schema.def.defaultValue);
  }
  return schema;
}

function convertObject(schema: z.ZodObject): z.ZodType {
  const keys = Object.keys(schema.shape);
  const shape = Object.fromEntries(
    keys.map((key) => [toSnakeCase(key), convert(schema.shape[key] as z.ZodType)]),
  );
  const strict = schema.def.catchall instanceof z.ZodNever;
  return (strict ? z.strictObject(shape) : z.object(shape)).transform((value: Record<string, unknown>) =>
    Object.fromEntries(
      keys.flatMap((key) => (toSnakeCase(key) in value ? [[key, value[toSnakeCase(key)]]] : [])),
    ),
  );
}
