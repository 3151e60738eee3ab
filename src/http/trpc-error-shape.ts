import type { TRPC_ERROR_CODE_NUMBER } from '@trpc/server';
import type { ErrorCode } from '../lib/app-error.ts';

/** An error in the format of tRPC's clients. */
export interface TrpcErrorShape {
  /** A sentence for the user. */
  readonly message: string;
  /** The JSON-RPC error number; `data.code` is more specific. */
  readonly code: TRPC_ERROR_CODE_NUMBER;
  readonly data: {
    /** The path of the procedure. */
    readonly path?: string;
    /** A stable code; the page `/errors` explains each one. */
    readonly code: ErrorCode;
    readonly httpStatus: number;
    /**
     * The id of the HTTP request: the same in all errors of a batch, in the header `X-Request-Id`
     * and in the log.
     */
    readonly requestId: string;
    /** For an invalid input: each wrong field. */
    readonly errors?: readonly { readonly path: string; readonly message: string }[];
  };
}
