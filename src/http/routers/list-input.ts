import { z } from 'zod';

/**
 * Returns the input of a list over tRPC: the input of its operation, but optional. Infinite queries
 * of tRPC's clients add a `direction`.
 */
export function listInput<S extends z.core.$ZodLooseShape>(input: z.ZodObject<S, z.core.$strict>) {
  return input.extend({ direction: z.enum(['forward', 'backward']).optional() }).prefault({} as never);
}
