import { load } from 'cheerio';
import { describe, expect, test } from 'vitest';
import { measureCpuMs } from '../../../../test/support/measure-cpu-ms.ts';
import { parseSloppyJson, readJsonLd } from './json-ld.ts';

describe('parseSloppyJson', () => {
  test.each([
    ['trailing commas', '{"a": [1, 2,], "b": "x",}', { a: [1, 2], b: 'x' }],
    ['comments', '{/* one */ "a": 1, // two\n "b": 2 /* three */ }', { a: 1, b: 2 }],
    ['a comment after the last comma', '{"a": 1, /* none */ }', { a: 1 }],
    ['no comments in texts', '{"a": "http://x/*y*/",}', { a: 'http://x/*y*/' }],
    ['CDATA', '//<![CDATA[\n{"a": 1}\n//]]>', { a: 1 }],
    ['CDATA in one line', '//<![CDATA[ {"a": 1} //]]>', { a: 1 }],
    ['bare CDATA', '<![CDATA[{"a": 1}]]>', { a: 1 }],
    ['an HTML comment', '<!-- {"a": 1} -->', { a: 1 }],
    ['raw line breaks', '{"a": "x\n\ty"}', { a: 'x\n\ty' }],
    ['a wrong escape', `{"a": "it\\'s"}`, { a: "it's" }],
    ['entities for quotes', '{&quot;a&quot;: &quot;x &amp; y&quot;}', { a: 'x &amp; y' }],
    ['a semicolon at the end', '{"a": 1};', { a: 1 }],
    ['a byte order mark', '\ufeff{"a": 1,}', { a: 1 }],
  ])('accepts %s', (_, text, expected) => {
    expect(parseSloppyJson(text)).toEqual(expected);
  });

  test.each(['', 'null', '{', 'hello', '{"a": }'])('gives up on %j', (text) => {
    expect(parseSloppyJson(text)).toBeUndefined();
  });

  test('ends quickly for hostile input', () => {
    const worked = measureCpuMs(() => {
      for (const piece of ['"', '/*', '\\', '[', ',', '"\\', '<!--', '// ']) {
        parseSloppyJson(piece.repeat(500_000));
      }
    });
    expect(worked).toBeLessThan(5000);
  });
});

test('readJsonLd reads every block and skips broken ones', () => {
  const $ = load(`
    <script type="application/ld+json">{"a": 1}</script>
    <script type="application/ld+json">{broken</script>
    <script type="Application/LD+JSON; charset=utf-8">[{"b": 2,}]</script>`);
  expect(readJsonLd($)).toEqual([{ a: 1 }, [{ b: 2 }]]);
});
