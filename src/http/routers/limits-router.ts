import { getLimitsOperation } from '../operations.ts';
import { createRouter, procedure } from '../trpc.ts';

/** `limits.*` */
export const limitsRouter = createRouter({
  get: procedure
    .input(getLimitsOperation.input.prefault({}))
    .output(getLimitsOperation.output)
    .query(({ ctx, input }) => getLimitsOperation.run(ctx, input)),
});
