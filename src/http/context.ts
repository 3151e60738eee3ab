import type { createBatch } from '../batches/create-batch.ts';
import type { BatchWatch } from '../batches/watch-batches.ts';
import type { Health } from '../lib/health.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import type { Tracing } from '../lib/tracing.ts';
import type { changePreview } from '../previews/change-preview.ts';
import type { TokenWatch } from '../workspaces/watch-tokens.ts';

/**
 * The dependencies of the API: those of the features, and the log, health, metrics and traces.
 * `main` creates them; REST and tRPC only pass them on.
 */
export type ApiDeps = Parameters<typeof createBatch>[0] &
  Parameters<typeof changePreview>[0] & {
    readonly log: Log;
    readonly batchWatch: BatchWatch;
    readonly tokenWatch: TokenWatch;
    readonly health: Health;
    readonly meter: Meter;
    readonly tracing: Tracing;
  };

/** The sender of a request, known by its token. */
export interface Caller {
  readonly workspaceId: string;
  readonly tokenId: string;
  /** When the token expires, as a `performance.now()`; absent if it never does. */
  readonly expiresAt?: number;
}

/** The context in which an operation runs. */
export interface OperationContext {
  readonly deps: ApiDeps;
  readonly workspaceId: string;
  /** Origin of the URLs in responses, without a slash at the end. */
  readonly baseUrl: string;
}
