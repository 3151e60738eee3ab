import { z } from 'zod';
import { AppError } from '../../lib/app-error.ts';
import type { GeneratedCopy } from './ai-provider.ts';
import { cleanText } from './clean-text.ts';

const count = z.number().int().nonnegative().nullish().catch(null);

/** Some services send a list of parts where OpenAI sends a string. A longer list is refused. */
const MAX_PARTS = 1000;
const parts = z
  .unknown()
  .refine((value) => Array.isArray(value) && value.length <= MAX_PARTS, { abort: true })
  .pipe(z.array(z.object({ text: z.string().catch('') })));

const choice = z.object({
  finish_reason: z.string().nullish(),
  message: z.object({
    content: z.union([z.string(), parts]).nullish(),
    refusal: z.string().nullish(),
  }),
});

const completion = z.object({
  model: z.string().nullish().catch(null),
  // Only one was requested. Any others are ignored without validation, however many there are.
  choices: z.tuple([choice]).rest(z.unknown()),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish().catch(null),
});

/**
 * A text of which `limit` characters are used. The result may be longer: the code that shows it
 * cuts it at a word boundary.
 */
const text = (limit: number) => z.string().transform((value) => cleanText(value, limit));
const optionalText = (limit: number) =>
  text(limit)
    .nullish()
    .transform((value) => value || null);

const texts = z.object({
  headline: text(80).pipe(z.string().min(1)),
  subheadline: optionalText(140),
  body: optionalText(400),
  cta_text: text(30).pipe(z.string().min(1)),
});

/**
 * Returns the texts in a chat completion. `model` is the default if the answer does not name its
 * model. Throws `ai_refused` when the model declined, `ai_bad_answer` when it did not follow the
 * instructions.
 */
export function readTextAnswer(answer: unknown, model: string): GeneratedCopy {
  const parsed = completion.safeParse(answer);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || choice === undefined) throw new AppError('ai_bad_answer', { cause: parsed.error });
  if (choice.message.refusal || choice.finish_reason === 'content_filter') throw new AppError('ai_refused');

  const content = choice.message.content ?? '';
  const result = texts.safeParse(
    parseJson(typeof content === 'string' ? content : content.map((part) => part.text).join('')),
  );
  if (!result.success) throw new AppError('ai_bad_answer', { cause: result.error });
  return {
    headline: result.data.headline,
    subheadline: result.data.subheadline,
    body: result.data.body,
    ctaText: result.data.cta_text,
    model: parsed.data.model || model,
    usage: {
      inputTokens: parsed.data.usage?.prompt_tokens ?? null,
      outputTokens: parsed.data.usage?.completion_tokens ?? null,
    },
  };
}

/**
 * Finds the JSON object in a text: models without strict schemas often add fences or a sentence.
 */
function parseJson(content: string): unknown {
  const start = content.indexOf('{');
  const end = content.lastIndexOf('}');
  try {
    return JSON.parse(content.slice(Math.max(start, 0), end + 1));
  } catch (cause) {
    throw new AppError('ai_bad_answer', { cause });
  }
}
