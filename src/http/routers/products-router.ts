import { getProductOperation } from '../operations.ts';
import { createRouter, procedure } from '../trpc.ts';

/** `products.*` */
export const productsRouter = createRouter({
  get: procedure
    .input(getProductOperation.input)
    .output(getProductOperation.output)
    .query(({ ctx, input }) => getProductOperation.run(ctx, input)),
});
