import { expect, test } from 'vitest';
import { measureCpuMs } from '../../../../test/support/measure-cpu-ms.ts';
import { scanJson } from './scan-json.ts';

test.each([
  ['JSON', 'x = {"a": [1, "two", {"b": null}]}', [{ a: [1, 'two', { b: null }] }]],
  [
    'bare keys and single quotes',
    "push({name: 'it\\'s', n: -1.5e3, on: !0,})",
    [{ name: "it's", n: -1500, on: true }],
  ],
  ['comments and variables', '({/* one */ sku: code.of(x), more: 12345 })', []],
  ['variables as null', '({sku: shop.code, price: 12345.5})', [{ sku: null, price: 12345.5 }]],
  ['escapes', '{"a": "\\u00e9\\x41\\n\\/", "b": "-----"}', [{ a: 'éA\n/', b: '-----' }]],
  [
    'finished parts of what is code',
    '({a: {sku: "A1", name: "Red"}, f: function () { return 1 }})',
    [{ sku: 'A1', name: 'Red' }],
  ],
  ['nothing in code', 'if (a) { b(); } for (;;) { c[0] = d }', []],
])('finds %s', (_, text, expected) => {
  expect(scanJson(text)).toEqual(expected);
});

test('does not write to prototypes for any key', () => {
  const [value] = scanJson('{"__proto__": {"polluted": true}, "a": "long enough"}');
  expect((value as { polluted?: unknown }).polluted).toBeUndefined();
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('ends quickly for hostile input', () => {
  const pieces = [
    '{',
    '[',
    '{"a":',
    '["',
    '[/*',
    '[//',
    '["\\"',
    '{a:{b:1},',
    "['",
    '[1,',
    '{"a":1,"b":[{"c":2}]},',
  ];
  const worked = measureCpuMs(() => {
    for (const piece of pieces) scanJson(piece.repeat(300_000));
  });
  expect(worked).toBeLessThan(10_000);
});
