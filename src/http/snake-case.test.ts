import { expect, test } from 'vitest';
import { z } from 'zod';
import { snakeCased } from './snake-case.ts';

const inner = z.strictObject({ innerName: z.string() });
const given = { inner_name: 'x' };
const taken = { innerName: 'x' };

interface Tree {
  nodeName: string;
  subTrees: Tree[];
}
const tree: z.ZodType<Tree> = z.strictObject({ nodeName: z.string(), subTrees: z.array(z.lazy(() => tree)) });
const selfMade = z.strictObject({
  nodeName: z.string(),
  get nextNode() {
    return selfMade.optional();
  },
});
const byKind = z.discriminatedUnion('fieldKind', [
  z.strictObject({ fieldKind: z.literal('a'), valueOfA: z.number() }),
  z.strictObject({ fieldKind: z.literal('b'), valueOfB: z.number() }),
]);

test.each<[kind: string, schema: z.ZodType, input: unknown, output: unknown]>([
  ['object', z.object({ outerName: inner }), { outer_name: given }, { outerName: taken }],
  ['array', z.array(inner), [given], [taken]],
  ['tuple', z.tuple([z.number(), inner]), [1, given], [1, taken]],
  ['tuple with a rest', z.tuple([z.number()], inner), [1, given], [1, taken]],
  ['record', z.record(z.string(), inner), { aKey: given }, { aKey: taken }],
  ['union', z.union([z.string(), inner]), given, taken],
  ['discriminated union', byKind, { field_kind: 'b', value_of_b: 1 }, { fieldKind: 'b', valueOfB: 1 }],
  ['optional', inner.optional(), given, taken],
  ['optional, absent', z.object({ outerName: inner.optional() }), {}, {}],
  ['nonoptional', inner.optional().nonoptional(), given, taken],
  ['nullable', inner.nullable(), given, taken],
  ['readonly', inner.readonly(), given, taken],
  ['default', inner.default({ innerName: 'd' }), given, taken],
  ['default, absent', inner.default({ innerName: 'd' }), undefined, { innerName: 'd' }],
  ['prefault', inner.prefault({ innerName: 'p' }), given, taken],
  ['prefault, absent', inner.prefault({ innerName: 'p' }), undefined, { innerName: 'p' }],
  ['catch', inner.catch({ innerName: 'c' }), given, taken],
  ['catch, wrong', inner.catch({ innerName: 'c' }), 1, { innerName: 'c' }],
  ['pipe', inner.transform(({ innerName }) => innerName), given, 'x'],
  [
    'pipe to an object',
    inner.pipe(z.object({ innerName: z.string().toUpperCase() })),
    given,
    { innerName: 'X' },
  ],
  ['lazy', tree, { node_name: 'a', sub_trees: [] }, { nodeName: 'a', subTrees: [] }],
  [
    'lazy that contains itself',
    tree,
    { node_name: 'a', sub_trees: [{ node_name: 'b', sub_trees: [] }] },
    { nodeName: 'a', subTrees: [{ nodeName: 'b', subTrees: [] }] },
  ],
  [
    'object that contains itself',
    selfMade,
    { node_name: 'a', next_node: { node_name: 'b' } },
    { nodeName: 'a', nextNode: { nodeName: 'b' } },
  ],
  ['literal', z.literal('aB'), 'aB', 'aB'],
  ['enum', z.enum(['aB']), 'aB', 'aB'],
  ['coerced number', z.coerce.number(), '1', 1],
  ['unknown', z.unknown(), { aB: 1 }, { aB: 1 }],
])('%s: takes snake_case and returns camelCase', (_kind, schema, input, output) => {
  expect(snakeCased(schema).parse(input)).toEqual(output);
});

test.each<[kind: string, schema: z.ZodType]>([
  ['array', z.array(inner)],
  ['tuple', z.tuple([inner])],
  ['record', z.record(z.string(), inner)],
  ['union', z.union([inner, z.string()])],
  ['readonly', inner.readonly()],
  ['prefault', inner.prefault({ innerName: 'p' })],
  ['pipe', inner.transform(() => 1)],
  ['lazy', z.lazy(() => inner)],
])('%s: rejects camelCase', (kind, schema) => {
  const value = { array: [taken], tuple: [taken], record: { a: taken } }[kind] ?? taken;
  expect(snakeCased(schema).safeParse(value).success).toBe(false);
});

test.each<[kind: string, schema: z.ZodType]>([
  ['intersection', z.intersection(inner, z.object({ other: z.string() }))],
  ['map', z.map(z.string(), inner)],
  ['set', z.set(inner)],
  ['promise', z.promise(inner)],
  ['custom', z.custom(() => true)],
  ['transform', z.preprocess((value) => value, inner)],
  ['symbol', z.symbol()],
  ['file', z.file()],
  ['a loose object', z.looseObject({ aB: z.string() })],
  ['an object with a check', inner.refine(() => true)],
])('throws immediately for %s, at any depth', (_kind, schema) => {
  expect(() => snakeCased(schema)).toThrow('a REST input must not contain');
  const deep = z.strictObject({ some: z.array(z.lazy(() => schema.optional())) });
  expect(() => snakeCased(deep)).toThrow('a REST input must not contain');
});

test('keeps checks and messages', () => {
  const schema = z.strictObject({ someItems: z.array(z.string(), { error: 'must be a list' }).min(1) });
  const issuesOf = (input: unknown) =>
    snakeCased(schema)
      .safeParse(input)
      .error?.issues.map(({ path, code, message }) => ({ path, code, message }));
  expect(issuesOf({ some_items: [] })).toMatchObject([{ path: ['some_items'], code: 'too_small' }]);
  expect(issuesOf({ some_items: 1 })).toMatchObject([{ path: ['some_items'], message: 'must be a list' }]);
});
