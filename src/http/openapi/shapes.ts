import { z } from 'zod';
import { limitsSchema } from '../../ai-calls/get-limits.ts';
import { batchSchema, createdBatchSchema, taskSchema } from '../../batches/batch.ts';
import { toSnakeCase } from '../../lib/snake-keys.ts';
import { previewSchema } from '../../previews/preview.ts';
import { productSchema } from '../../products/get-product.ts';
import { patchPreviewOperation } from '../operations.ts';

/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export interface JsonSchema {
  [keyword: string]: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** The shapes of the answers, by the names that the document gives them. */
const ANSWERS: Record<string, z.ZodType> = {
  Batch: batchSchema,
  CreatedBatch: createdBatchSchema,
  Preview: previewSchema,
  PatchedPreview: patchPreviewOperation.output,
  Product: productSchema,
  Task: taskSchema,
  Limits: limitsSchema,
};

/** The shapes of the answers as JSON Schemas in REST's spelling. */
export function describeAnswers(): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(ANSWERS).map(([name, schema]) => [name, describe(schema, 'output')]),
  );
}

/** One shape as a JSON Schema in REST's spelling: what comes in (`input`) or goes out (`output`). */
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

/** The same with the names of its fields in snake_case, at every depth. */
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
