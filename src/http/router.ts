import { procedures, type RouterWith } from './procedures.ts';
import { createRouter, type TrpcContext } from './trpc.ts';

/** All procedures, to be called with a context. The compiler holds it to what clients know. */
export const appRouter = createRouter(procedures) satisfies RouterWith<TrpcContext>;
