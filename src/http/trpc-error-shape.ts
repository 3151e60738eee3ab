import type { TRPC_ERROR_CODE_NUMBER } from '@trpc/server';
import type { ErrorCode } from '../lib/app-error.ts';

/** An error as tRPC's clients read it. */
export interface TrpcErrorShape {
  /** A sentence for a person. */
  readonly message: string;
  /** JSON-RPC's number; `data.code` says more. */
  readonly code: TRPC_ERROR_CODE_NUMBER;
  readonly data: {
    /** The procedure. */
    readonly path?: string;
    /** Stable; each one is explained on the page `/errors`. */
    readonly code: ErrorCode;
    readonly httpStatus: number;
    /** Of the HTTP request: the same in each error of a batched one, in its header `X-Request-Id` and in the log. */
    readonly requestId: string;
    /** Of a wrong input: each wrong field. */
    readonly errors?: readonly { readonly path: string; readonly message: string }[];
  };
}
