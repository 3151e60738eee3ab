import { z } from 'zod';
import { toSnakeCase } from '../../lib/snake-keys.ts';
import { REST_ROUTES, type RestRoute } from '../rest-routes.ts';

/** A JSON Schema (2020-12), the dialect of OpenAPI 3.1. */
export interface JsonSchema {
  [keyword: string]: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/**
 * Returns the JSON Schemas of all responses, with snake_case keys, by the names that the routes
 * give them.
 */
export function describeAnswers(): Record<string, JsonSchema> {
  return Object.fromEntries(REST_ROUTES.map((route) => [route.answers, describe(shapeOf(route), 'output')]));
}

function shapeOf({ operation, isPage }: RestRoute): z.ZodType {
  if (!isPage) return operation.output;
  const items = operation.output instanceof z.ZodObject ? operation.output.shape.items : undefined;
  if (!(items instanceof z.ZodArray))
    throw new Error('the output of a paged route must have an array "items"');
  return items.element as z.ZodType;
}

/** Converts a schema to a JSON Schema with snake_case keys, of its input or its output. */
export function describe(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type !== 'date') return;
      jsonSchema.type = 'string';
      jsonSchema.format = 'date-time';
    },
  });
  return inSnakeCase(described as JsonSchema);
}

/** Converts the names of fields to snake_case, at every depth. */
function inSnakeCase(schema: JsonSchema): JsonSchema {
  const result: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties') {
      const fields = Object.entries(value as Record<string, JsonSchema>);
      result.properties = Object.fromEntries(
        fields.map(([name, inner]) => [toSnakeCase(name), inSnakeCase(inner)]),
      );
    } else if (keyword === 'required') result.required = (value as string[]).map(toSnakeCase);
    else if (Array.isArray(value))
      result[keyword] = value.map((one) => (isObject(one) ? inSnakeCase(one) : one));
    else result[keyword] = isObject(value) && keyword !== 'default' ? inSnakeCase(value) : value;
  }
  return result;
}

function isObject(value: unknown): value is JsonSchema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
