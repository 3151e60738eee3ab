import type { TRPCBuiltRouter, TRPCDecorateCreateRouterOptions } from '@trpc/server';
import { batchRouter } from './routers/batch-router.ts';
import { limitsRouter } from './routers/limits-router.ts';
import { previewsRouter } from './routers/previews-router.ts';
import { productsRouter } from './routers/products-router.ts';
import type { TrpcErrorShape } from './trpc-error-shape.ts';

/**
 * All procedures, as plain records. The type of a router would include the context, and with it the
 * database and the queue; a client that uses this type must not have to install those.
 */
export const procedures = {
  batch: batchRouter,
  limits: limitsRouter,
  previews: previewsRouter,
  products: productsRouter,
};

/**
 * The router's type for clients: its procedures, the shape of its errors, and superjson as the
 * transformer.
 */
export type AppRouter = RouterWith<object>;

/** The router's type with a context. */
export type RouterWith<Context extends object> = TRPCBuiltRouter<
  { ctx: Context; meta: object; errorShape: TrpcErrorShape; transformer: true },
  TRPCDecorateCreateRouterOptions<typeof procedures>
>;
