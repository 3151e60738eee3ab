import type { CallKind } from '../ai-calls/ai-call.ts';
import type { KindState, LimiterState } from '../ai-calls/load-limiter.ts';
import { SLOT_GUARD_MS } from '../ai-calls/lock-slots.ts';
import { type Waiting, waitFor } from './waiting.ts';

/** Where a preview stands among all that have not started. */
export interface QueuePosition {
  /** 1 for the first. */
  readonly position: number;
  /** How many calls of each kind are wanted up to here, its own included; 0 for a kind that it does not want. */
  readonly calls: Readonly<Record<CallKind, number>>;
  /** Set when a call failed: it is not tried again before. */
  readonly retryAt: Date | null;
  /** Pages to be read up to its own, from 1; null once that is read. */
  readonly pages: number | null;
}

/** What the workers can do, and have done lately. */
export interface Workers {
  readonly alive: number;
  /** Previews in flight at once, in all of them. */
  readonly capacity: number;
  /** Pages read at once, in all of them. */
  readonly pagesAtOnce: number;
  /** Previews in flight now. */
  readonly running: number;
  /** The median of the last readings of a page, in milliseconds; null if there were none. */
  readonly typicalPageMs: number | null;
}

/**
 * When a preview will be done, and what it waits for until then. Slots are given in order, so the time of the n-th start
 * follows from when each slot opens: the slots come round again every window and guard. Times are rounded up to a second, so
 * that the same state is told in the same words.
 */
export function forecast(limiter: LimiterState, workers: Workers, place: QueuePosition): Waiting {
  const { position: queuePosition, retryAt, pages } = place;
  if (workers.alive === 0) return { queuePosition, eta: null, waitingFor: waitFor('worker', null) };
  const now = limiter.now.getTime();
  const wanted = limiter.kinds.filter(({ kind }) => place.calls[kind] > 0);
  const callMs = Math.max(0, ...wanted.map((state) => state.typicalMs ?? 0));
  const pageMs = workers.typicalPageMs ?? 0;
  const readAt = pages === null ? now : now + Math.ceil(pages / workers.pagesAtOnce) * pageMs;
  const slotAt = Math.max(now, ...wanted.map((state) => findStart(state, place.calls[state.kind], now)));
  const roomAt = findRoom(workers, queuePosition, callMs, now);
  const startAt = Math.max(readAt, slotAt, roomAt, retryAt?.getTime() ?? 0);
  return {
    queuePosition,
    eta: toSecond(startAt + callMs),
    waitingFor: pages === null ? explain(wanted, retryAt, startAt, now) : waitFor('page', toSecond(readAt)),
  };
}

/** When the n-th call of a kind may start, from 1, in milliseconds. */
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

/** When there is room for it in a worker: what runs, and what is ahead, goes through in as many at once as there is room for. */
function findRoom({ capacity, running }: Workers, position: number, callMs: number, now: number): number {
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
