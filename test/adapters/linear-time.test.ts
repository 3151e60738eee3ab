import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Brief } from '../../src/adapters/ai/ai-provider.ts';
import { buildImagePrompt } from '../../src/adapters/ai/build-image-prompt.ts';
import { buildTextPrompt } from '../../src/adapters/ai/build-text-prompt.ts';
import { cleanText } from '../../src/adapters/ai/clean-text.ts';
import { readTextAnswer } from '../../src/adapters/ai/read-text-answer.ts';
import { canonicalAddress } from '../../src/adapters/page/facts/canonical-address.ts';
import { cleanTitle } from '../../src/adapters/page/facts/clean-title.ts';
import { findCurrency } from '../../src/adapters/page/facts/currency.ts';
import { cleanBrand } from '../../src/adapters/page/facts/find-brand.ts';
import { cleanCode } from '../../src/adapters/page/facts/find-code.ts';
import { makeNameMatcher } from '../../src/adapters/page/facts/match-name.ts';
import { parsePrice } from '../../src/adapters/page/facts/parse-price.ts';
import { toAvailability } from '../../src/adapters/page/facts/schema-product.ts';
import { readRobotsRules } from '../../src/adapters/page/fetch/read-robots-rules.ts';
import { estimateMarkupSize } from '../../src/adapters/page/parse/estimate-markup-size.ts';
import { hasWordPair } from '../../src/adapters/page/parse/has-word-pair.ts';
import { parseSloppyJson } from '../../src/adapters/page/parse/json-ld.ts';
import { readSrcset } from '../../src/adapters/page/parse/read-srcset.ts';
import { scanJson } from '../../src/adapters/page/parse/scan-json.ts';
import { toPlainText as pageText } from '../../src/adapters/page/parse/to-plain-text.ts';
import { parsePage } from '../../src/adapters/page/parse-page.ts';
import { readIfMatch } from '../../src/http/entity-tags.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { decodeCursor } from '../../src/lib/cursor.ts';
import { cutText } from '../../src/lib/cut-text.ts';
import { dropInvisible } from '../../src/lib/drop-invisible.ts';
import { languageTag, plainText, webAddress } from '../../src/lib/plain-text.ts';
import { textDirection } from '../../src/lib/text-direction.ts';
import { createSecretHider } from '../../src/main/hide-secrets.ts';
import { chooseSeed } from '../support/choose-seed.ts';
import { HOSTILE_SHAPES } from '../support/hostile-shapes.ts';
import { HOSTILE_SLOTS } from '../support/hostile-slots.ts';
import { listHostilePairs } from '../support/hostile-texts.ts';
import { measureCpuMs } from '../support/measure-cpu-ms.ts';

const brief: Brief = {
  title: 'Cup',
  description: null,
  brand: null,
  priceText: null,
  locale: 'en',
  tone: null,
  palette: [],
  variant: 0,
};
const answerWith = (content: string) => ({ choices: [{ message: { content } }] });
const hideSecrets = createSecretHider(['a-secret-of-ours']);
const PAIRS = [[/product/, /image/] as const];
const isNamed = makeNameMatcher(['Red cup']);

/** The functions of this program that read untrusted text. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  dropInvisible,
  'cleanText, uncut': (text) => cleanText(text, text.length),
  readTextAnswer: (text) =>
    readTextAnswer(answerWith(JSON.stringify({ headline: text, body: text, cta_text: text })), ''),
  'readTextAnswer, raw': (text) => readTextAnswer(answerWith(text), ''),
  buildTextPrompt: (text) => buildTextPrompt({ ...brief, title: text, description: text, tone: text }),
  buildImagePrompt: (text) => buildImagePrompt({ ...brief, title: text }),
  cutText: (text) => cutText(text, 400),
  'plainText of pages': (text) => pageText(text, 2000),
  plainText: (text) => plainText(text.length).safeParse(text),
  webAddress: (text) => webAddress().safeParse(`https://shop.example/${text}`),
  languageTag: (text) => languageTag().safeParse(text),
  textDirection: (text) => textDirection(text.slice(0, 35)),
  parsePrice: (text) => parsePrice(text),
  findCurrency: (text) => findCurrency(text),
  cleanTitle: (text) => cleanTitle(text.slice(0, 300), ['shop']),
  cleanBrand: (text) => cleanBrand(text.slice(0, 500)),
  cleanCode: (text) => cleanCode(text.slice(0, 500)),
  makeNameMatcher: (text) => isNamed(text),
  hasWordPair: (text) => hasWordPair(text, PAIRS),
  canonicalAddress: (text) => canonicalAddress('https://shop.example/cup', `https://${text}`),
  parseSloppyJson: (text) => parseSloppyJson(text),
  scanJson: (text) => scanJson(text),
  readSrcset: (text) => readSrcset(text),
  toAvailability: (text) => toAvailability(text),
  estimateMarkupSize: (text) => estimateMarkupSize(Buffer.from(text)),
  readRobotsRules: (text) => readRobotsRules(`User-agent: *\nDisallow: /${text}`, 'cta-batch'),
  readIfMatch: (text) => readIfMatch(text),
  decodeCursor: (text) => decodeCursor(text),
  hideSecrets,
};

const LENGTH = 10_000;
/**
 * Linear readers need less than this; quadratic ones need many times as much. The system counts in
 * steps of 4 ms.
 */
const QUIET_MS = 20;
const LONGEST_MS = 500;

test.each(Object.keys(READERS))('%s takes roughly linear time for any two hostile parts', (name) => {
  const read = READERS[name] as (text: string) => unknown;
  const slow: string[] = [];
  for (const pair of listHostilePairs()) {
    if (measure(read, pair.make(LENGTH)) <= QUIET_MS) continue;
    // Compiling a pattern or collecting garbage happens once, so the least of three counts.
    const large = least(() => measure(read, pair.make(LENGTH)));
    const small = least(() => measure(read, pair.make(LENGTH / 4)));
    if (large > 8 * small + QUIET_MS || large > LONGEST_MS)
      slow.push(`${pair.name}: ${small.toFixed(0)} ms, four times as much ${large.toFixed(0)} ms`);
  }
  expect(slow).toEqual([]);
});

test('a cleaned text with any two hostile parts has no tag and no invisible character', () => {
  for (const pair of listHostilePairs()) {
    const clean = cleanText(pair.make(600), 80);
    expect(clean, pair.name).not.toMatch(/<[a-z/!?]/i);
    expect(clean, pair.name).not.toMatch(
      /[\p{Cc}\p{Cs}\u00ad\u200b\u200e\u200f\u202a-\u202e\u{e0000}-\u{e007f}]/u,
    );
    expect(dropInvisible(clean), pair.name).toBe(clean);
  }
});

/**
 * CPU time for 100 KB, in milliseconds. On a quiet machine the slowest page takes a tenth of it.
 */
const LONGEST_PAGE_MS = 2000;
const PAGE_LENGTH = 100_000;

/** Parts that once took 3 to 22 s in some place. */
const KNOWN = ['a', 'main-', 'product-', 'a1 '].map((part) => ({
  name: part,
  make: (length: number) => part.repeat(length / part.length),
}));

test.each(Object.keys(HOSTILE_SLOTS))(
  'reads a page with 100 KB of hostile parts in its %s quickly',
  (slot) => {
    const make = HOSTILE_SLOTS[slot] as (text: string) => string;
    const seed = chooseSeed();
    const pairs = fc.sample(fc.constantFrom(...listHostilePairs()), { numRuns: 6, seed });
    for (const { name, make: makeText } of [...KNOWN, ...pairs]) {
      const html = make(makeText(PAGE_LENGTH));
      const worked = least(() => measure(readPage, html), LONGEST_PAGE_MS);
      expect(worked, name).toBeLessThan(LONGEST_PAGE_MS);
    }
  },
);

test.each(Object.keys(HOSTILE_SHAPES))('reads or rejects a page made of %s quickly', (shape) => {
  const html = HOSTILE_SHAPES[shape]?.(200_000) ?? '';
  expect(least(() => measure(readPage, html), LONGEST_PAGE_MS)).toBeLessThan(LONGEST_PAGE_MS);
});

function readPage(html: string): void {
  const answer = parsePage({
    html: Buffer.from(html),
    contentType: 'text/html; charset=utf-8',
    url: 'https://shop.example/cup',
  });
  if ('code' in answer) expect(answer.code, answer.stack).not.toBe('internal');
}

/** Returns CPU time in milliseconds. A refusal counts as an answer. */
function measure(read: (text: string) => unknown, text: string): number {
  return measureCpuMs(() => {
    try {
      read(text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  });
}

/** Returns the least of three measurements, or the first that is at most `enough`. */
function least(take: () => number, enough = 0): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && best > enough; round += 1) best = Math.min(best, take());
  return best;
}
