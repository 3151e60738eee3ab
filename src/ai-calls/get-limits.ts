import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Orm } from '../db/client.ts';
import { AppError, isErrorCode } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { CALL_KINDS, type CallKind } from './ai-call.ts';
import { DEFAULT_WINDOW_MS, findPeakWindow, type PeakWindow } from './find-peak-window.ts';
import { type KindState, loadLimiter } from './load-limiter.ts';

/** The limit of one kind of call, as both APIs return it. */
export const kindLimitSchema = z.object({
  kind: z.enum(CALL_KINDS),
  /** Null while there is no limit. */
  maxCalls: z.number().nullable(),
  /** The window in which at most `maxCalls` leave. `worstWindow` has this length. */
  windowMs: z.number(),
  taken: z.number(),
  /** Null while there is no limit. */
  free: z.number().nullable(),
  /** When the next call may start; null if it may start now. */
  nextSlotAt: z.date().nullable(),
  pausedUntil: z.date().nullable(),
  breaker: z.object({
    state: z.enum(['closed', 'open']),
    since: z.date().nullable(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    nextProbeAt: z.date().nullable(),
  }),
  /** The window with the most calls in the last 24 hours; null without calls. */
  worstWindow: z.object({ calls: z.number(), from: z.date(), to: z.date() }).nullable(),
});

/** The limit and its state now, by kind. `rate` is null before the first start of a worker. */
export const limitsSchema = z.object({
  rate: z.string().nullable(),
  kinds: z.array(kindLimitSchema),
});
export type Limits = z.infer<typeof limitsSchema>;

/**
 * How far back a request looks for the fullest window: searching the whole ledger takes too long.
 */
const PEAK_WITHIN_MS = 24 * 60 * 60_000;

/**
 * Returns the limit, its free slots, when the next slot opens, and the fullest window of the last
 * day, or of the whole ledger.
 */
export async function getLimits(
  deps: Pick<FeatureDeps, 'orm'>,
  { wholeLedger = false }: { wholeLedger?: boolean } = {},
): Promise<Limits> {
  const { now, kinds } = await loadLimiter(deps.orm);
  const shown = kinds.map(async (state) => {
    const windowMs = state.windowMs ?? DEFAULT_WINDOW_MS;
    const which = { kind: state.kind, windowMs };
    const worstWindow = wholeLedger
      ? await findPeakWindow(deps.orm, which)
      : await findRecentPeak(deps.orm, which);
    return { ...showKind(state, now), windowMs, worstWindow };
  });
  return { rate: kinds[0]?.rate ?? null, kinds: await Promise.all(shown) };
}

/** Requests share a search for some seconds: it reads all calls of a day. */
const PEAK_TTL_MS = 10_000;

interface WindowKind {
  readonly kind: CallKind;
  readonly windowMs: number;
}
type PeakCache = LRUCache<string, { peak: PeakWindow | null }, WindowKind>;

/** The searches of each pool. */
const caches = new WeakMap<Orm, PeakCache>();

async function findRecentPeak(orm: Orm, which: WindowKind): Promise<PeakWindow | null> {
  const cache = caches.get(orm) ?? createPeakCache(orm);
  caches.set(orm, cache);
  const { peak } = await cache.forceFetch(`${which.kind} ${which.windowMs}`, { context: which });
  return peak;
}

function createPeakCache(orm: Orm): PeakCache {
  return new LRUCache({
    max: 10,
    ttl: PEAK_TTL_MS,
    fetchMethod: async (_key, _stale, { context }) => ({
      peak: await findPeakWindow(orm, { ...context, sinceMs: PEAK_WITHIN_MS }),
    }),
  });
}

function showKind(state: KindState, now: Date) {
  const { kind, maxCalls, takenUntil, pausedUntil, failing } = state;
  const free = maxCalls === null ? null : Math.max(maxCalls - takenUntil.length, 0);
  const slot = maxCalls === null ? undefined : takenUntil[takenUntil.length - maxCalls];
  const waits = [slot, pausedUntil, failing?.probeAfter].flatMap((at) =>
    at && at > now ? at.getTime() : [],
  );
  const code = failing && isErrorCode(failing.code) ? failing.code : null;
  return {
    kind,
    maxCalls,
    taken: takenUntil.length,
    free,
    nextSlotAt: waits.length > 0 ? new Date(Math.max(...waits)) : null,
    pausedUntil,
    breaker: {
      state: failing ? ('open' as const) : ('closed' as const),
      since: failing?.since ?? null,
      code: failing?.code ?? null,
      message: code && new AppError(code).message,
      nextProbeAt: failing?.probeAfter ?? null,
    },
  };
}
