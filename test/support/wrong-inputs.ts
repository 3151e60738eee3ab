import type { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;

/** A wrong input, and its error. */
export interface WrongInput {
  readonly name: string;
  readonly input: unknown;
}

/**
 * Makes inputs from a correct one, each with one error according to the schema: a field that is
 * missing, unknown, of another type or out of range, at every depth. Leaves out the top-level
 * fields for which `isLeftOut` is true.
 */
export function makeWrongInputs(
  schema: Schema,
  right: Record<string, unknown>,
  isLeftOut: (field: string) => boolean,
): WrongInput[] {
  return wrongFields(schema, right, isLeftOut);
}

function wrongFields(
  schema: Schema,
  right: Record<string, unknown>,
  isLeftOut: (field: string) => boolean = () => false,
): WrongInput[] {
  const wrong: WrongInput[] = [{ name: 'an unknown field', input: { ...right, notKnown: 'x' } }];
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    if (isLeftOut(field)) continue;
    if (!(field in right)) throw new Error(`the right input has no ${field}`);
    if (schema.required?.includes(field)) {
      const { [field]: _, ...without } = right;
      wrong.push({ name: `no ${field}`, input: without });
    }
    for (const { name, input } of wrongValues(inner as Schema, right[field])) {
      wrong.push({ name: `${field}: ${name}`, input: { ...right, [field]: input } });
    }
  }
  return wrong;
}

function wrongValues(schema: Schema, right: unknown): WrongInput[] {
  if (schema.anyOf) {
    const [first] = schema.anyOf as Schema[];
    const isNullable = (schema.anyOf as Schema[]).some(({ type }) => type === 'null');
    const wrong = first ? wrongValues(first, right) : [];
    return isNullable ? wrong.filter(({ name }) => name !== 'null') : wrong;
  }
  const wrong: WrongInput[] = [{ name: 'null', input: null }];
  const add = (name: string, input: unknown) => wrong.push({ name, input });
  const { minimum, maximum, maxLength, minItems } = schema;
  if (schema.type === 'object') {
    add('a text', 'x');
    add('a list', []);
    wrong.push(...wrongFields(schema, right as Record<string, unknown>));
  } else if (schema.type === 'array') {
    add('a text', 'x');
    add('an object', {});
    if (minItems !== undefined && minItems > 0) add('too few', []);
    for (const { name, input } of wrongValues(schema.items as Schema, (right as unknown[])[0])) {
      add(`0: ${name}`, [input, ...(right as unknown[]).slice(1)]);
    }
  } else if (schema.type === 'integer' || schema.type === 'number') {
    add('a text', 'x');
    add('a part of a number', 1.5);
    add('nothing', '');
    if (minimum !== undefined) add('too small', minimum - 1);
    if (maximum !== undefined) add('too large', maximum + 1);
  } else if (schema.type === 'string') {
    add('a number', 7);
    add('a list', ['x']);
    add('nothing', '');
    add('too long', 'x'.repeat((maxLength ?? 5000) + 1));
    if (schema.enum) add('none of these', 'x');
  }
  return wrong;
}
