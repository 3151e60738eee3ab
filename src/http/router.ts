import { procedures, type RouterWith } from './procedures.ts';
import { createRouter, type TrpcContext } from './trpc.ts';

/** All procedures. The compiler checks that the type matches the clients' `AppRouter`. */
export const appRouter = createRouter(procedures) satisfies RouterWith<TrpcContext>;
