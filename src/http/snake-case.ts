import { z } from 'zod';
import { toSnakeCase } from '../lib/snake-keys.ts';

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
