import { expect, test } from 'vitest';
import { measureDepth } from './measure-depth.ts';

const NO_LIMITS = { elements: 1e9, formats: 1e9, steps: 1e12 };
const measure = (html: string) => measureDepth(html, NO_LIMITS);

test.each([
  ['elements within elements', '<div><p><span>a</span></div><DIV/><x>', 2],
  ['what closes itself', '<br><img><li>a<li>b<p>c<p>d<a href=/x>e<a>f', 0],
  ['an end that closes what is within', '<div><x><y></div><div>', 3],
  [
    'markup in a script, a style or a text field',
    '<script>"<x><x>"</script><style><x></style><textarea><x></textarea><!-- <x><script> --><x>',
    1,
  ],
  ['a drawing', '<svg><path d="m0"/><path/><g><path/></g></svg>', 2],
  ['no markup', '1 < 2 <3 a<', 0],
  ['formats, which have a count of their own', '<p><b>x<p><b>y', 0],
])('%s', (_, html, elements) => {
  expect(measure(html).elements).toBe(elements);
});

test('counts unclosed formats that differ, up to three of each kind', () => {
  expect(measure('<div><b></div>'.repeat(10)).formats).toBe(3);
  expect(measure('<p><b x=1><b x=2></p><b x=3>').formats).toBe(3);
  expect(measure('<b x=1>a</b><i>b</i>').formats).toBe(0);
});

test('counts an unmatched end tag by the open elements', () => {
  expect(measure(`${'<x>'.repeat(10)}${'</y>'.repeat(5)}`).steps).toBe(50);
});

test('counts each attribute by the attributes before it in its tag', () => {
  expect(measure('<x a b="> c=1 d" e=\'f g\'>').steps).toBe(0 + 1 + 2);
  expect(measure(`<x ${'a '.repeat(100)}>`).steps).toBe((99 * 100) / 2);
});

test('stops at a limit', () => {
  expect(measureDepth('<x>'.repeat(100), { ...NO_LIMITS, elements: 10 }).elements).toBe(11);
});
