import { load } from 'cheerio';
import { expect, test } from 'vitest';
import { elementsOf } from './page-elements.ts';

test('finds the same elements as selectors, in their order, including templates', () => {
  const $ = load(`<title>x</title><p id=a>1<b data-x>2</b><template><p data-y>3<p id=b></template>
    <svg><title data-x>4</title></svg><table><p data-y>5<tr><td __proto__=1 data-x data-y>6</table>`);
  const elements = elementsOf($);
  for (const tag of ['p', 'title', 'td', 'absent']) expect(elements.byTag(tag)).toEqual($(tag).toArray());
  expect(elements.byTag('p')).toHaveLength(4);
  expect(elements.withAttribute('data-x', 'data-y')).toEqual($('[data-x], [data-y]').toArray());
  expect(elements.withAttribute('constructor')).toEqual([]);
  expect(elementsOf($)).toBe(elements);
});
