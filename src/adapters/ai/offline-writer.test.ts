import { expect, test } from 'vitest';
import type { Brief, CallContext } from './ai-provider.ts';
import { findPhrases, OFFLINE_LANGUAGES } from './offline-phrases.ts';
import { createOfflineWriter } from './offline-writer.ts';

const brief: Brief = {
  title: 'Red Trail Shoe 42',
  description: 'A light shoe for rough paths. It dries fast. '.repeat(12),
  brand: 'Northwind',
  priceText: '€ 89.00',
  locale: 'en',
  tone: null,
  palette: [],
  variant: 0,
};

function callWith(signal = new AbortController().signal) {
  let left = 0;
  const call: CallContext = {
    owner: 'test',
    idempotencyKey: 'k',
    signal,
    timeoutMs: 1000,
    sendBefore: Number.POSITIVE_INFINITY,
    onLeft: () => left++,
  };
  return { call, left: () => left };
}

const write = (changes: Partial<Brief>) =>
  createOfflineWriter().writeText({ ...brief, ...changes }, callWith().call);
const writeTen = (changes: Partial<Brief>) =>
  Promise.all(Array.from({ length: 10 }, (_, variant) => write({ ...changes, variant })));

test.each(OFFLINE_LANGUAGES)('%s: ten variants differ and keep to the limits', async (locale) => {
  for (const changes of [{}, { brand: null, priceText: null, description: null }]) {
    const answers = await writeTen({ locale, ...changes });
    expect(new Set(answers.map((one) => `${one.headline} ${one.ctaText}`)).size).toBe(10);
    for (const { headline, subheadline, body, ctaText } of answers) {
      expect(headline).toContain('Red Trail Shoe 42');
      expect(headline.length).toBeLessThanOrEqual(80);
      expect(subheadline?.length).toBeLessThanOrEqual(140);
      expect(body?.length ?? 0).toBeLessThanOrEqual(400);
      expect(ctaText.length).toBeLessThanOrEqual(30);
      expect(`${headline}${subheadline}${ctaText}`).not.toMatch(/[{}]|null/);
    }
  }
});

test('speaks the language of the page, English where it cannot', async () => {
  expect((await write({ locale: 'de-AT' })).ctaText).toBe('Jetzt kaufen');
  expect((await write({ locale: 'pt_BR' })).ctaText).toBe('Comprar agora');
  expect((await write({ locale: 'xx' })).ctaText).toBe('Shop now');
  expect(findPhrases('').language).toBe('en');
});

test('the body is whole sentences of the description', async () => {
  const { body } = await write({});
  expect(body).toMatch(/^A light shoe .*\.$/);
  expect((await write({ description: 'word '.repeat(200) })).body).toMatch(/word…$/);
});

test('long and hostile facts are tamed', async () => {
  const answers = await writeTen({
    title: `<script>x</script>${'Very Long Product Name '.repeat(20)}`,
    brand: 'B'.repeat(200),
    priceText: '1'.repeat(200),
    description: '$& $1 {title} <b>bold</b>\u0000',
  });
  for (const answer of answers) {
    expect(answer.headline.length).toBeLessThanOrEqual(80);
    expect(answer.headline).toContain('Very Long Product');
    expect(answer.body).toBe('$& $1 {title} bold');
  }
});

test('leaves at once, and honours an abort', async () => {
  const { call, left } = callWith();
  await createOfflineWriter().writeText(brief, call);
  expect(left()).toBe(1);
  const aborted = callWith(AbortSignal.abort(new Error('stop')));
  await expect(createOfflineWriter().writeText(brief, aborted.call)).rejects.toThrow('stop');
  expect(aborted.left()).toBe(0);
});
