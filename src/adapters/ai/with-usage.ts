import { z } from 'zod';
import { AppError, type PaidUsage } from '../../lib/app-error.ts';

const count = z.number().int().nonnegative().nullish().catch(null);
/** Chat completions and pictures name the same in two ways. */
const answerSchema = z.object({
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count,
    input_tokens: count,
    output_tokens: count,
  }),
});

/**
 * Reads an answer that was paid for. If it cannot be used, the error says what the provider counted
 * for it.
 */
export async function withUsage<T>(answer: unknown, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const usage = readUsage(answer);
    if (!(error instanceof AppError) || !usage) throw error;
    throw new AppError(error.code, { detail: error.message, cause: error.cause ?? error, usage });
  }
}

function readUsage(answer: unknown): PaidUsage | undefined {
  const { data } = answerSchema.safeParse(answer);
  if (!data) return undefined;
  const { usage } = data;
  return {
    inputTokens: usage.prompt_tokens ?? usage.input_tokens ?? null,
    outputTokens: usage.completion_tokens ?? usage.output_tokens ?? null,
  };
}
