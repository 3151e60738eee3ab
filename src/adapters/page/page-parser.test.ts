import { afterAll, expect, test } from 'vitest';
import { createPageParser } from './page-parser.ts';

const parser = createPageParser();
afterAll(() => parser.close());

const never = new AbortController().signal;
const parse = (html: string, signal = never) =>
  parser.parse(
    { html: Buffer.from(html), contentType: 'text/html', url: 'https://shop.example/cup' },
    signal,
  );
const CUP = '<title>Cup</title><script type="application/ld+json">{"@type":"Product","name":"Cup"}</script>';

test('reads a page as readProductPage does, errors too', async () => {
  expect(await parse(CUP)).toMatchObject({ title: 'Cup', provenance: { title: 'json-ld' } });
  await expect(parse('<p>Nothing</p>')).rejects.toMatchObject({ name: 'AppError', code: 'not_a_product' });
});

test('a page of nothing but tags is not parsed', async () => {
  await expect(parse(CUP + '<p>x</p>'.repeat(100_000))).rejects.toMatchObject({ code: 'page_too_large' });
});

test('a page that is made to take for ever is given up, the event loop is free meanwhile, and the next one is read', async () => {
  const attributes = Array.from({ length: 150_000 }, (_, i) => `a${i}=1`).join(' ');
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 50);
  await expect(parse(`${CUP}<p ${attributes}>`)).rejects.toMatchObject({ code: 'page_too_large' });
  clearInterval(timer);
  // It had seconds for them.
  expect(ticks).toBeGreaterThan(10);
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});

test('a page that nobody wants any more ends at once, and the next one is read', async () => {
  const stopped = new AbortController();
  const attributes = Array.from({ length: 150_000 }, (_, i) => `a${i}=1`).join(' ');
  const reading = parse(`${CUP}<p ${attributes}>`, stopped.signal);
  stopped.abort(new Error('cancelled'));
  await expect(reading).rejects.toThrow('cancelled');
  expect(await parse(CUP)).toMatchObject({ title: 'Cup' });
});
