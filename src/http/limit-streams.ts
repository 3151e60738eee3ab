import type { FastifyReply } from 'fastify';
import { AppError } from '../lib/app-error.ts';
import type { Caller } from './context.ts';

export interface StreamLimits {
  /** Open event streams of one workspace in this process. */
  readonly perWorkspace: number;
  /** Open event streams of all workspaces in this process. */
  readonly inAll: number;
}

/**
 * Counts an event stream until its answer ends. The caller must call it before the stream begins:
 * afterwards only events can be sent. Throws `too_many_streams` or `overloaded`.
 */
export type LimitStreams = (reply: FastifyReply, caller: Caller) => void;

/** The defaults of STREAMS_PER_WORKSPACE and MAX_STREAMS. */
export const DEFAULT_STREAM_LIMITS: StreamLimits = { perWorkspace: 500, inAll: 5000 };
/** Arbitrary: a stream may end at any time. */
const RETRY_AFTER_MS = 10_000;

/** Creates the limit for both APIs of one process. Each process counts for itself. */
export function createLimitStreams({
  perWorkspace,
  inAll,
}: StreamLimits = DEFAULT_STREAM_LIMITS): LimitStreams {
  const open = new Map<string, number>();
  let total = 0;
  return ({ raw }, { workspaceId }) => {
    // If the client has disconnected already, there will be no `close` event.
    if (raw.closed || raw.destroyed) return;
    const count = open.get(workspaceId) ?? 0;
    if (count >= perWorkspace) throw new AppError('too_many_streams', { retryAfterMs: RETRY_AFTER_MS });
    if (total >= inAll) throw new AppError('overloaded', { retryAfterMs: RETRY_AFTER_MS });
    open.set(workspaceId, count + 1);
    total += 1;
    raw.once('close', () => {
      total -= 1;
      const left = (open.get(workspaceId) ?? 1) - 1;
      if (left > 0) open.set(workspaceId, left);
      else open.delete(workspaceId);
    });
  };
}
