import { z } from 'zod';

/**
 * The usage of the AI service by a preview or a batch: every call that has ended, including
 * retries.
 */
export const usageSchema = z.object({
  calls: z.number(),
  /** As the provider counts them; 0 for calls without a report. */
  inputTokens: z.number(),
  outputTokens: z.number(),
  pictures: z.number(),
  /** The sum over all calls, from when each request left until it ended. */
  durationMs: z.number(),
});
export type Usage = z.infer<typeof usageSchema>;

export const NO_USAGE: Usage = { calls: 0, inputTokens: 0, outputTokens: 0, pictures: 0, durationMs: 0 };

/** Returns the sum of several usages. */
export function addUsage(parts: readonly Usage[]): Usage {
  const sum = { ...NO_USAGE };
  for (const part of parts) {
    for (const key of Object.keys(sum) as (keyof Usage)[]) sum[key] += part[key];
  }
  return sum;
}
