import type { CallKind } from '../ai-calls/ai-call.ts';
import type { KindState, LimiterState } from '../ai-calls/load-limiter.ts';
import { SLOT_GUARD_MS } from '../ai-calls/lock-slots.ts';
import { type Waiting, waitFor } from './waiting.ts';

/** Positions up to this one are exact, later ones are estimates. */
export const EXACT_POSITIONS = 1000;

/** The position of a preview among all that have not started. */
export interface QueuePosition {
  /** 1 for the first. */
  readonly position: number;
  /** Calls of each kind up to and including its own; 0 for a kind that it does not need. */
  readonly calls: Readonly<Record<CallKind, number>>;
  /** Set after a failed call: the earliest time of the next try. */
  readonly retryAt: Date | null;
  /** Pages to read up to and including its own, from 1; null if its page has been read. */
  readonly pages: number | null;
}

/** The capacity of the workers, and how fast they were lately. */
export interface Workers {
  readonly alive: number;
  /** Maximum number of previews in flight in all workers. */
  readonly capacity: number;
  /** Maximum number of pages that all workers read at once. */
  readonly pagesAtOnce: number;
  /** Previews in flight now. */
  readonly running: number;
  /** The median of the last readings of a page, in milliseconds; null if there were none. */
  readonly typicalPageMs: number | null;
}

/**
 * Estimates when a preview will be done, and what it waits for. Slots are assigned in order, and
 * each one is free again after a window plus the guard, so the time of the n-th start follows from
 * when the slots become free. Rounds times up to a second, so that the same state gives the same
 * result.
 */
export function forecast(limiter: LimiterState, workers: Workers, entry: QueuePosition): Waiting {
  const { position, retryAt, pages } = entry;
  // An estimate would change with every request, so later positions are not shown.
  const queuePosition = Math.min(position, EXACT_POSITIONS);
  if (workers.alive === 0) return { queuePosition, eta: null, waitingFor: waitFor('worker', null) };
  const now = limiter.now.getTime();
  const wanted = limiter.kinds.filter(({ kind }) => entry.calls[kind] > 0);
  const callMs = Math.max(0, ...wanted.map((state) => state.typicalMs ?? 0));
  const pageMs = workers.typicalPageMs ?? 0;
  const readAt = pages === null ? now : now + Math.ceil(pages / workers.pagesAtOnce) * pageMs;
  const slotAt = Math.max(now, ...wanted.map((state) => findStart(state, entry.calls[state.kind], now)));
  const capacityAt = findCapacity(workers, position, callMs, now);
  const startAt = Math.max(readAt, slotAt, capacityAt, retryAt?.getTime() ?? 0);
  return {
    queuePosition,
    eta: toSecond(startAt + callMs),
    waitingFor: pages === null ? explain(wanted, retryAt, startAt, now) : waitFor('page', toSecond(readAt)),
  };
}

/** Returns the milliseconds until the n-th call of a kind may start; `n` is from 1. */
function findStart(state: KindState, n: number, now: number): number {
  const opensAt = Math.max(now, state.pausedUntil?.getTime() ?? 0, state.failing?.probeAfter.getTime() ?? 0);
  if (state.maxCalls === null || state.windowMs === null) return opensAt;
  const free = Math.max(state.maxCalls - state.takenUntil.length, 0);
  const taken = state.takenUntil.slice(-state.maxCalls).map((until) => Math.max(until.getTime(), opensAt));
  const slots = [...Array.from({ length: free }, () => opensAt), ...taken];
  const rounds = Math.floor((n - 1) / state.maxCalls);
  const first = slots[(n - 1) % state.maxCalls] ?? opensAt;
  return first + rounds * (state.windowMs + SLOT_GUARD_MS);
}

/** Returns when a worker has capacity for a preview, after those that run or are before it. */
function findCapacity({ capacity, running }: Workers, position: number, callMs: number, now: number): number {
  const rounds = Math.floor((running + position - 1) / Math.max(capacity, 1));
  return now + rounds * callMs;
}

function toSecond(ms: number): Date {
  return new Date(Math.ceil(ms / 1000) * 1000);
}

function explain(
  wanted: readonly KindState[],
  retryAt: Date | null,
  startAt: number,
  now: number,
): Waiting['waitingFor'] {
  const failing = wanted.flatMap((state) => state.failing ?? [])[0];
  if (failing) return waitFor('breaker', failing.probeAfter, failing.code);
  const paused = wanted.flatMap((state) => state.pausedUntil ?? []).toSorted((a, b) => +b - +a)[0];
  if (paused) return waitFor('provider_pause', paused);
  if (retryAt && retryAt.getTime() > now) return waitFor('retry', retryAt);
  return waitFor('slot', toSecond(startAt));
}
