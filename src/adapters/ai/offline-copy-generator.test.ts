import { expect, test } from 'vitest';
import type { Brief, CallContext } from './ai-provider.ts';
import { createOfflineCopyGenerator } from './offline-copy-generator.ts';
import { findPhrases, OFFLINE_LANGUAGES } from './offline-phrases.ts';

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

const generate = (changes: Partial<Brief>) =>
  createOfflineCopyGenerator().generateCopy({ ...brief, ...changes }, callWith().call);
const generateTen = (changes: Partial<Brief>) =>
  Promise.all(Array.from({ length: 10 }, (_, variant) => generate({ ...changes, variant })));

test.each(OFFLINE_LANGUAGES)('%s: writes ten different variants within the length limits', async (locale) => {
  for (const changes of [{}, { brand: null, priceText: null, description: null }]) {
    const answers = await generateTen({ locale, ...changes });
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

test('writes in the language of the page, or in English if it is not supported', async () => {
  expect((await generate({ locale: 'de-AT' })).ctaText).toBe('Jetzt kaufen');
  expect((await generate({ locale: 'pt_BR' })).ctaText).toBe('Comprar agora');
  expect((await generate({ locale: 'xx' })).ctaText).toBe('Shop now');
  expect(findPhrases('').language).toBe('en');
});

test('uses whole sentences of the description as the body', async () => {
  const { body } = await generate({});
  expect(body).toMatch(/^A light shoe .*\.$/);
  expect((await generate({ description: 'word '.repeat(200) })).body).toMatch(/word…$/);
});

test('cleans and shortens long and hostile facts', async () => {
  const answers = await generateTen({
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

test('reports that the request has left at once, and stops when the signal aborts', async () => {
  const { call, left } = callWith();
  await createOfflineCopyGenerator().generateCopy(brief, call);
  expect(left()).toBe(1);
  const aborted = callWith(AbortSignal.abort(new Error('stop')));
  await expect(createOfflineCopyGenerator().generateCopy(brief, aborted.call)).rejects.toThrow('stop');
  expect(aborted.left()).toBe(0);
});
