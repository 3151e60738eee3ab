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

test('returns the same results and errors as readProductPage', async () => {
  expect(await parse(CUP)).toMatchObject({ title: 'Cup', provenance: { title: 'json-ld' } });
  await expect(parse('<p>Nothing</p>')).rejects.toMatchObject({ name: 'AppError', code: 'not_a_product' });
});

test('does not parse a page that consists of tags only', async () => {
  await expect(parse(CUP + '<p>x</p>'.repeat(100_000))).rejects.toMatchObject({ code: 'page_too_large' });
});

/**
 * Takes minutes to parse: the parser moves each element out of the table, behind all earlier ones.
 */
const ENDLESS = `${CUP}<table>${'x<br>'.repeat(290_000)}`;

test('gives up an endless page, and reads a later one in the meantime', async () => {
  const ended: string[] = [];
  const endless = parse(ENDLESS).finally(() => ended.push('endless'));
  const cup = parse(CUP).finally(() => ended.push('cup'));
  await expect(endless).rejects.toMatchObject({ code: 'page_too_large' });
  expect(await cup).toMatchObject({ title: 'Cup' });
  expect(ended).toEqual(['cup', 'endless']);
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});

test('ends an aborted page at once, and reads the next one', async () => {
  const stopped = new AbortController();
  const reading = parse(ENDLESS, stopped.signal);
  stopped.abort(new Error('cancelled'));
  await expect(reading).rejects.toThrow('cancelled');
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});
