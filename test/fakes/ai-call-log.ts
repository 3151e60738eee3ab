import type http from 'node:http';

/** What a call asks for. */
export type CallKind = 'text' | 'image';

/**
 * - `pending`: not answered yet.
 * - `answered`: a complete answer was sent, with any status.
 * - `cut`: the script destroyed the connection.
 * - `abandoned`: the client disconnected first, or the server was closed.
 */
export type CallOutcome = 'pending' | 'answered' | 'cut' | 'abandoned';

/** One request that reached the service. */
export interface AiCall {
  readonly kind: CallKind;
  /** `performance.now()` when its headers arrived. */
  readonly at: number;
  /** `Date.now()` at the same time, for comparing across processes. */
  readonly wallAt: number;
  readonly idempotencyKey: string | null;
  readonly authorization: string | null;
  /** Must always be null: no trace context may be sent. */
  readonly traceparent: string | null;
  /** Null until an answer has begun. */
  status: number | null;
  outcome: CallOutcome;
  /**
   * The fields of the request; an image as `{ name, type, size }`. Empty until the body has
   * arrived.
   */
  body: Record<string, unknown>;
}

/** The list of calls of a fake, and functions that wait for changes in it. */
export type CallLog = ReturnType<typeof createCallLog>;

interface Waiter {
  readonly condition: (calls: readonly AiCall[]) => boolean;
  resolve(): void;
}

/** Creates an empty log. It does not poll: conditions are checked when a call arrives or ends. */
export function createCallLog() {
  const calls: AiCall[] = [];
  const waiters = new Set<Waiter>();
  const endWaits = new AbortController();

  function notify(): void {
    for (const waiter of waiters) if (waiter.condition(calls)) waiter.resolve();
  }

  /**
   * Resolves when `condition` is true, which is checked when a call arrives or ends. Rejects after
   * `timeoutMs`.
   */
  function waitFor(condition: Waiter['condition'], timeoutMs = 60_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { condition, resolve };
    const onTimeout = (): void => reject(new Error(`not reached: ${describe(calls)}`));
    const timer = setTimeout(onTimeout, timeoutMs);
    endWaits.signal.addEventListener('abort', onTimeout);
    waiters.add(waiter);
    if (condition(calls)) resolve();
    return promise.finally(() => {
      clearTimeout(timer);
      endWaits.signal.removeEventListener('abort', onTimeout);
      waiters.delete(waiter);
    });
  }

  /** Resolves with the calls (of a kind) as soon as the headers of `n` of them have arrived. */
  async function waitForCalls(n: number, kind?: CallKind, timeoutMs?: number): Promise<AiCall[]> {
    const wanted = (): AiCall[] => calls.filter((call) => kind === undefined || call.kind === kind);
    await waitFor(() => wanted().length >= n, timeoutMs);
    return wanted();
  }

  /** Returns how many calls (of a kind) are not finished. */
  function inflight(kind?: CallKind): number {
    return calls.filter((call) => call.outcome === 'pending' && (kind === undefined || call.kind === kind))
      .length;
  }

  /**
   * Returns the maximum number of calls of a kind that arrived in any window of `windowMs` (half
   * open: its end belongs to the next window).
   */
  function peakWindow(kind: CallKind, windowMs: number): number {
    const times = calls.filter((call) => call.kind === kind).map((call) => call.at);
    let peak = 0;
    let first = 0;
    for (const [index, at] of times.entries()) {
      while (at - (times[first] ?? at) >= windowMs) first++;
      peak = Math.max(peak, index - first + 1);
    }
    return peak;
  }

  return {
    calls,
    waitFor,
    waitForCalls,
    inflight,
    worstWindow: peakWindow,
    add(kind: CallKind, request: http.IncomingMessage): AiCall {
      const call: AiCall = {
        kind,
        at: performance.now(),
        wallAt: Date.now(),
        idempotencyKey: header(request, 'idempotency-key'),
        authorization: header(request, 'authorization'),
        traceparent: header(request, 'traceparent'),
        status: null,
        outcome: 'pending',
        body: {},
      };
      calls.push(call);
      notify();
      return call;
    },
    finish(call: AiCall, outcome: CallOutcome): void {
      call.outcome = outcome;
      notify();
    },
    close(): void {
      endWaits.abort();
    },
  };
}

function header(request: http.IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

function describe(calls: readonly AiCall[]): string {
  const counts = Object.entries(Object.groupBy(calls, (call) => `${call.kind} ${call.outcome}`));
  return counts.map(([name, group]) => `${group?.length ?? 0} ${name}`).join(', ') || 'no calls';
}
