import type { TRPCBuiltRouter, TRPCDecorateCreateRouterOptions } from '@trpc/server';
import { batchRouter } from './routers/batch-router.ts';
import { limitsRouter } from './routers/limits-router.ts';
import { previewsRouter } from './routers/previews-router.ts';
import { productsRouter } from './routers/products-router.ts';
import type { TrpcErrorShape } from './trpc-error-shape.ts';

/**
 * All procedures, as plain records: a router's type holds the context, and with it the database and the queue, which a client that is
 * typed by this must neither have nor install.
 */
export const procedures = {
  batch: batchRouter,
  limits: limitsRouter,
  previews: previewsRouter,
  products: productsRouter,
};

/** The router as clients know it: its procedures, how it says errors, that its values go through superjson. */
export type AppRouter = RouterWith<object>;

/** The same with its context. */
export type RouterWith<Context extends object> = TRPCBuiltRouter<
  { ctx: Context; meta: object; errorShape: TrpcErrorShape; transformer: true },
  TRPCDecorateCreateRouterOptions<typeof procedures>
>;
