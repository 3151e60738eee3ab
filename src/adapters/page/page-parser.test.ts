import { afterAll, expect, test } from 'vitest';
import { createPageParser } from './page-parser.ts';

const parser = createPageParser();
afterAll(() => parser.close());

const never = new AbortController().signal;
const parse = (html: string, signal = never) =>
  parser.parse(
    { html: Buffer.from(html), contentType: 'text/html', url: 'https://shop.example/cup' },
    { owner: 'test', signal },
  );
const CUP = '<title>Cup</title><script type="application/ld+json">{"@type":"Product","name":"Cup"}</script>';

test('reads a page as readProductPage does, errors too', async () => {
  expect(await parse(CUP)).toMatchObject({ title: 'Cup', provenance: { title: 'json-ld' } });
  await expect(parse('<p>Nothing</p>')).rejects.toMatchObject({ name: 'AppError', code: 'not_a_product' });
});

test('a page of nothing but tags is not parsed', async () => {
  await expect(parse(CUP + '<p>x</p>'.repeat(100_000))).rejects.toMatchObject({ code: 'page_too_large' });
});

/**
 * Takes minutes to parse: the parser moves each element out of the table, behind all earlier ones.
 */
const ENDLESS = `${CUP}<table>${'x<br>'.repeat(290_000)}`;

test('a page that is made to take for ever is given up; another one, that comes later, is read meanwhile', async () => {
  const ended: string[] = [];
  const endless = parse(ENDLESS).finally(() => ended.push('endless'));
  const cup = parse(CUP).finally(() => ended.push('cup'));
  await expect(endless).rejects.toMatchObject({ code: 'page_too_large' });
  expect(await cup).toMatchObject({ title: 'Cup' });
  expect(ended).toEqual(['cup', 'endless']);
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});

test('a page that nobody wants any more ends at once, and the next one is read', async () => {
  const stopped = new AbortController();
  const reading = parse(ENDLESS, stopped.signal);
  stopped.abort(new Error('cancelled'));
  await expect(reading).rejects.toThrow('cancelled');
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});
