import { z } from 'zod';
import { AppError, type PaidUsage } from '../../lib/app-error.ts';

const count = z.number().int().nonnegative().nullish().catch(null);
/** Chat completions and images have different names for the same counts. */
const answerSchema = z.object({
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count,
    input_tokens: count,
    output_tokens: count,
  }),
});

/**
 * Reads an answer that was paid for. If it cannot be used, the error contains the usage that the
 * provider counted.
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
