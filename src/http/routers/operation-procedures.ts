import type { z } from 'zod';
import type { Operation } from '../operations.ts';
import { procedure } from '../trpc.ts';

/** Makes a query of an operation. `input` replaces its input, where tRPC's clients send more. */
export function queryOf<I extends z.ZodType, O extends z.ZodType, T extends z.ZodType = I>(
  operation: Operation<I, O>,
  input: T = operation.input as unknown as T,
) {
  return procedure
    .input(input)
    .output(operation.output)
    .query(({ ctx, input: given }) => operation.run(ctx, given as z.output<I>) as never);
}

/** Makes a mutation of an operation. */
export function mutationOf<I extends z.ZodType, O extends z.ZodType>(operation: Operation<I, O>) {
  return procedure
    .input(operation.input)
    .output(operation.output)
    .mutation(({ ctx, input }) => operation.run(ctx, input as z.output<I>) as never);
}
