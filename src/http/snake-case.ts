import { z } from 'zod';
import { toSnakeCase, withSnakeKeys } from '../lib/snake-keys.ts';

/**
 * Returns a schema that accepts the same input with snake_case keys (and only those) and returns
 * camelCase keys. Errors name the keys as the client wrote them. Throws for a kind of schema whose
 * keys it cannot convert.
 */
export function snakeCased<T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> {
  return convert(schema, new Map()) as unknown as z.ZodType<z.output<T>>;
}

/** Converts an inner schema. */
type Convert = (inner: z.core.$ZodType) => z.ZodType;

function convert(schema: z.core.$ZodType, converted: Map<z.core.$ZodType, z.ZodType>): z.ZodType {
  const known = converted.get(schema);
  if (known) return known;
  // A schema that contains itself finds this while its own conversion is under way.
  const placeholder: z.ZodType = z.lazy(() => convert(schema, converted));
  converted.set(schema, placeholder);
  const result = convertKind(schema as z.core.$ZodTypes, (inner) => convert(inner, converted));
  converted.set(schema, result);
  return result;
}

function convertKind(schema: z.core.$ZodTypes, inner: Convert): z.ZodType {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object':
      return convertObject(schema as z.core.$ZodObject, inner);
    case 'array':
      return rebuild(schema, { element: inner(def.element) });
    case 'tuple':
      return rebuild(schema, { items: def.items.map(inner), rest: def.rest && inner(def.rest) });
    case 'record':
      // The keys of a record are data, not names of fields.
      return rebuild(schema, { valueType: inner(def.valueType) });
    case 'union':
      return rebuild(schema, {
        options: def.options.map(inner),
        ...('discriminator' in def ? { discriminator: toSnakeCase(String(def.discriminator)) } : {}),
      });
    case 'optional':
    case 'nonoptional':
    case 'nullable':
    case 'readonly':
    case 'default':
    case 'catch':
      return rebuild(schema, { innerType: inner(def.innerType) });
    case 'prefault':
      return rebuild(schema, {
        innerType: inner(def.innerType),
        // Unlike a default, it is parsed, so it needs the names of the input.
        get defaultValue() {
          return withSnakeKeys(def.defaultValue);
        },
      });
    case 'pipe':
      // Convert only the first part: the rest gets its result, which is in camelCase.
      return rebuild(schema, { in: inner(def.in) });
    case 'lazy': {
      const resolved = inner(def.getter());
      return z.lazy(() => resolved);
    }
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'date':
    case 'nan':
    case 'null':
    case 'undefined':
    case 'void':
    case 'literal':
    case 'template_literal':
    case 'enum':
    case 'never':
    // Their values are accepted unchanged.
    case 'any':
    case 'unknown':
      return schema as unknown as z.ZodType;
    default:
      throw new Error(`a REST input must not contain a schema of the kind "${def.type}"`);
  }
}

function convertObject(schema: z.core.$ZodObject, inner: Convert): z.ZodType {
  const { shape, catchall, checks = [] } = schema._zod.def;
  if (catchall && catchall._zod.def.type !== 'never') {
    throw new Error('a REST input must not contain an object with additional fields');
  }
  if (checks.length > 0) {
    // The errors of a check would name keys in camelCase.
    throw new Error('a REST input must not contain an object with its own check');
  }
  const names = Object.keys(shape).map((key) => [key, toSnakeCase(key)] as const);
  const snakeShape = Object.fromEntries(
    names.map(([key, name]) => [name, inner(shape[key] as z.core.$ZodType)]),
  );
  return rebuild(schema, { shape: snakeShape }).transform((value) => {
    const given = value as Record<string, unknown>;
    return Object.fromEntries(names.flatMap(([key, name]) => (name in given ? [[key, given[name]]] : [])));
  });
}

/** Returns a copy of the schema, including its checks and messages, with other parts. */
function rebuild(schema: z.core.$ZodType, parts: object): z.ZodType {
  return z.core.clone(schema, z.core.util.mergeDefs(schema._zod.def, parts)) as unknown as z.ZodType;
}
