import { batchRouter } from './routers/batch-router.ts';
import { limitsRouter } from './routers/limits-router.ts';
import { previewsRouter } from './routers/previews-router.ts';
import { productsRouter } from './routers/products-router.ts';
import { createRouter } from './trpc.ts';

/** All procedures. The typed client is made from its type. */
export const appRouter = createRouter({
  batch: batchRouter,
  limits: limitsRouter,
  previews: previewsRouter,
  products: productsRouter,
});

export type AppRouter = typeof appRouter;
