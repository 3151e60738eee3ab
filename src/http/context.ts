import type { createBatch } from '../batches/create-batch.ts';
import type { BatchWatch } from '../batches/watch-batches.ts';
import type { Health } from '../lib/health.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Tracing } from '../lib/tracing.ts';
import type { changePreview } from '../previews/change-preview.ts';
import type { TokenWatch } from '../workspaces/watch-tokens.ts';

/** What the API needs: what the features need, and a log. Built by `main`; the doors only pass it on. */
export type ApiDeps = Parameters<typeof createBatch>[0] &
  Parameters<typeof changePreview>[0] & {
    readonly log: Log;
    readonly batchWatch: BatchWatch;
    readonly tokenWatch: TokenWatch;
    readonly health: Health;
    readonly meter: Meter;
    readonly tracing: Tracing;
  };

/** A request whose token was accepted. */
export interface Caller {
  readonly workspaceId: string;
  readonly tokenId: string;
  /** When its token expires, a `performance.now()`; absent if it never does. */
  readonly expiresAt?: number;
}

/** What an operation runs with. */
export interface OperationContext {
  readonly deps: ApiDeps;
  readonly workspaceId: string;
  /** Origin of the addresses we make, without a slash at its end. */
  readonly baseUrl: string;
}
