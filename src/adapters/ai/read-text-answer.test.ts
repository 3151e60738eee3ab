import { expect, test } from 'vitest';
import { AppError } from '../../lib/app-error.ts';
import { readTextAnswer } from './read-text-answer.ts';

const TEXTS = { headline: 'H', subheadline: 'S', body: 'B', cta_text: 'C' };

function completion(content: unknown, choice: object = {}, message: object = {}) {
  return { choices: [{ finish_reason: 'stop', message: { content, ...message }, ...choice }] };
}

function codeOf(answer: unknown): string {
  try {
    readTextAnswer(answer, 'asked');
    return 'none';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

test('reads the texts, the model and the usage', () => {
  const answer = {
    ...completion(JSON.stringify({ ...TEXTS, extra: 1 })),
    model: 'named',
    usage: { prompt_tokens: 3, completion_tokens: 4 },
  };
  expect(readTextAnswer(answer, 'asked')).toEqual({
    headline: 'H',
    subheadline: 'S',
    body: 'B',
    ctaText: 'C',
    model: 'named',
    usage: { inputTokens: 3, outputTokens: 4 },
  });
});

test.each([
  ['fences', `\`\`\`json\n${JSON.stringify(TEXTS)}\n\`\`\``],
  ['a sentence before', `Here you are: ${JSON.stringify(TEXTS)}`],
  ['a list of parts', [{ type: 'text', text: JSON.stringify(TEXTS) }]],
])('tolerates %s', (_, content) => {
  expect(readTextAnswer(completion(content), 'asked')).toMatchObject({ headline: 'H', model: 'asked' });
});

test('returns null for missing and empty optional texts, and plain, complete texts otherwise', () => {
  const long = 'word '.repeat(100).trim();
  const content = JSON.stringify({ headline: `<b>${long}</b>`, body: ' ', cta_text: 'Go\u0000!' });
  expect(readTextAnswer(completion(content), 'asked')).toMatchObject({
    headline: long,
    subheadline: null,
    body: null,
    ctaText: 'Go !',
    usage: { inputTokens: null, outputTokens: null },
  });
});

test.each([
  ['no choices', { choices: [] }],
  ['not an object', 'text'],
  ['no content', completion(null)],
  ['half of the JSON', completion('{"headline": "H", "cta')],
  ['an empty headline', completion(JSON.stringify({ ...TEXTS, headline: '<br>' }))],
  ['no label', completion(JSON.stringify({ headline: 'H' }))],
  ['a list of very many parts', completion(Array(2000).fill({ text: JSON.stringify(TEXTS) }))],
  ['a number', completion(JSON.stringify({ ...TEXTS, body: 5 }))],
])('rejects %s as a bad answer', (_, answer) => {
  expect(codeOf(answer)).toBe('ai_bad_answer');
});

test.each([
  ['a refusal', completion(null, {}, { refusal: 'No.' })],
  ['a filtered answer', completion('', { finish_reason: 'content_filter' })],
])('reports %s as a refusal', (_, answer) => {
  expect(codeOf(answer)).toBe('ai_refused');
});

test('reads the first choice only', () => {
  const answer = { choices: [...completion(JSON.stringify(TEXTS)).choices, 'no choice', null] };
  expect(readTextAnswer(answer, 'asked')).toMatchObject({ headline: 'H' });
});
