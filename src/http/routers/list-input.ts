import { z } from 'zod';

/**
 * The input of a list over tRPC: that of its operation, optional. Infinite queries of tRPC's
 * clients add a `direction`.
 */
export function listInput<S extends z.core.$ZodLooseShape>(input: z.ZodObject<S, z.core.$strict>) {
  return input.extend({ direction: z.enum(['forward', 'backward']).optional() }).prefault({} as never);
}
