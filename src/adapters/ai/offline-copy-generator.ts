import { cutText } from '../../lib/cut-text.ts';
import type { Brief, CopyGenerator, GeneratedCopy } from './ai-provider.ts';
import { cleanText } from './clean-text.ts';
import { findPhrases, type Phrases } from './offline-phrases.ts';

const HEADLINE = 80;
const SUBHEADLINE = 140;
const BODY = 320;
const BRAND = 40;
const PRICE = 30;
/**
 * If fewer characters are left for the product's name, it would be unreadable, so the headline is
 * the name alone.
 */
const LEAST_TITLE = 24;

/**
 * Creates the built-in generator of texts: it fills phrases with the facts of the product, at once
 * and without a network.
 */
export function createOfflineCopyGenerator(): CopyGenerator {
  const model = 'rules-1';
  return {
    provider: 'offline',
    model,
    async generateCopy(brief, call) {
      call.signal.throwIfAborted();
      call.onLeft();
      return { ...composeTexts(brief), model, usage: { inputTokens: null, outputTokens: null } };
    },
  };
}

/**
 * Returns the texts of one variant. Cycles through headlines and button labels so that no two
 * variants below (headlines x labels, at least 18) have the same pair.
 */
function composeTexts(brief: Brief): Omit<GeneratedCopy, 'model' | 'usage'> {
  const phrases = findPhrases(brief.locale);
  const facts = readFacts(brief);
  const headlines = fitting(phrases.headlines, facts);
  const subheadlines = fitting(phrases.subheadlines, facts);
  const column = brief.variant % headlines.length;
  const round = Math.floor(brief.variant / headlines.length);
  return {
    headline: fillHeadline(pick(headlines, column), facts),
    subheadline: cutText(fill(pick(subheadlines, brief.variant), facts), SUBHEADLINE, phrases.language),
    body: facts.description === '' ? null : composeBody(facts.description, phrases),
    ctaText: pick(phrases.labels, column + round),
  };
}

interface Facts {
  readonly title: string;
  readonly brand: string;
  readonly price: string;
  readonly description: string;
}

function readFacts(brief: Brief): Facts {
  const title = cleanText(brief.title, 300);
  const brand = cleanText(brief.brand ?? '', 100);
  const price = cleanText(brief.priceText ?? '', 60);
  return {
    title,
    // A title that contains the brand does not need it again.
    brand: brand.length > BRAND || title.toLowerCase().includes(brand.toLowerCase()) ? '' : brand,
    price: price.length > PRICE ? '' : price,
    description: cleanText(brief.description ?? '', 2000),
  };
}

function fitting(templates: readonly string[], facts: Facts): string[] {
  return templates.filter(
    (template) =>
      (facts.brand !== '' || !template.includes('{brand}')) &&
      (facts.price !== '' || !template.includes('{price}')),
  );
}

function fillHeadline(template: string, facts: Facts): string {
  const room = HEADLINE - fill(template, { ...facts, title: '' }).length;
  if (facts.title.length > room && room < LEAST_TITLE) return cutText(facts.title, HEADLINE);
  return fill(template, { ...facts, title: cutText(facts.title, room) });
}

function fill(template: string, facts: Facts): string {
  return template.replace(/\{(title|brand|price)\}/g, (_, name: 'title' | 'brand' | 'price') => facts[name]);
}

/**
 * Returns as many of the first sentences of the description as fit; if none fits, the start of the
 * first.
 */
function composeBody(description: string, phrases: Phrases): string {
  const sentences = new Intl.Segmenter(phrases.language, { granularity: 'sentence' });
  let body = '';
  for (const { segment } of sentences.segment(description)) {
    if ((body + segment).trimEnd().length > BODY) break;
    body += segment;
  }
  return body.trim() || cutText(description, BODY, phrases.language);
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? '';
}
