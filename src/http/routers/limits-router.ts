import { getLimitsOperation } from '../operations.ts';
import { procedure } from '../trpc.ts';

export const limitsRouter = {
  get: procedure
    .input(getLimitsOperation.input.prefault({}))
    .output(getLimitsOperation.output)
    .query(({ ctx, input }) => getLimitsOperation.run(ctx, input)),
};
