import { z } from 'zod';

/**
 * Returns the input schema of a list over tRPC: that of its operation, but the whole input is
 * optional. It allows `direction`, which the infinite queries of tRPC's clients add.
 */
export function listInput<S extends z.core.$ZodLooseShape>(input: z.ZodObject<S, z.core.$strict>) {
  return input.extend({ direction: z.enum(['forward', 'backward']).optional() }).prefault({} as never);
}
