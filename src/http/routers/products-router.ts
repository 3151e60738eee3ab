import { getProductOperation } from '../operations.ts';
import { procedure } from '../trpc.ts';

export const productsRouter = {
  get: procedure
    .input(getProductOperation.input)
    .output(getProductOperation.output)
    .query(({ ctx, input }) => getProductOperation.run(ctx, input)),
};
