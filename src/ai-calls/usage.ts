import { z } from 'zod';

/** What a preview, or all of a batch, took from the AI service: every call that has ended, tries again included. */
export const usageSchema = z.object({
  calls: z.number(),
  /** As the provider counts them; 0 for calls of which it did not say. */
  inputTokens: z.number(),
  outputTokens: z.number(),
  pictures: z.number(),
  /** Of all calls together, from when each request had left to its end. */
  durationMs: z.number(),
});
export type Usage = z.infer<typeof usageSchema>;

export const NO_USAGE: Usage = { calls: 0, inputTokens: 0, outputTokens: 0, pictures: 0, durationMs: 0 };

/** The sum of several. */
export function addUsage(parts: readonly Usage[]): Usage {
  const sum = { ...NO_USAGE };
  for (const part of parts) {
    for (const key of Object.keys(sum) as (keyof Usage)[]) sum[key] += part[key];
  }
  return sum;
}
