import type http from 'node:http';

/** What a call buys. */
export type CallKind = 'text' | 'image';

/**
 * `pending`: not answered yet. `answered`: a whole answer was sent, whatever its status. `cut`: the connection
 * was destroyed by the script. `abandoned`: the client went away first (or the server was closed).
 */
export type CallOutcome = 'pending' | 'answered' | 'cut' | 'abandoned';

/** One request that reached the service. */
export interface AiCall {
  readonly kind: CallKind;
  /** `performance.now()` when its headers arrived. */
  readonly at: number;
  /** `Date.now()` at the same moment, to compare across processes. */
  readonly wallAt: number;
  readonly idempotencyKey: string | null;
  readonly authorization: string | null;
  /** Should never come. */
  readonly traceparent: string | null;
  /** Null until an answer has begun. */
  status: number | null;
  outcome: CallOutcome;
  /** The request's fields; an image as `{ name, type, size }`. Empty until the body has come. */
  body: Record<string, unknown>;
}

/** The list of calls of a fake, and promises that resolve by what happens to it. */
export type CallLog = ReturnType<typeof createCallLog>;

interface Waiter {
  readonly condition: (calls: readonly AiCall[]) => boolean;
  resolve(): void;
}

/** An empty log. Nothing in it polls: waiters are looked at when a call arrives or ends. */
export function createCallLog() {
  const calls: AiCall[] = [];
  const waiters = new Set<Waiter>();
  const endWaits = new AbortController();

  function notify(): void {
    for (const waiter of waiters) if (waiter.condition(calls)) waiter.resolve();
  }

  /** Resolves when `condition` holds; looked at when a call arrives or ends. Rejects after `timeoutMs`. */
  function waitFor(condition: Waiter['condition'], timeoutMs = 60_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { condition, resolve };
    const giveUp = (): void => reject(new Error(`not reached: ${describe(calls)}`));
    const timer = setTimeout(giveUp, timeoutMs);
    endWaits.signal.addEventListener('abort', giveUp);
    waiters.add(waiter);
    if (condition(calls)) resolve();
    return promise.finally(() => {
      clearTimeout(timer);
      endWaits.signal.removeEventListener('abort', giveUp);
      waiters.delete(waiter);
    });
  }

  /** Resolves with the calls (of a kind) as soon as the headers of `n` of them have arrived. */
  async function waitForCalls(n: number, kind?: CallKind, timeoutMs?: number): Promise<AiCall[]> {
    const wanted = (): AiCall[] => calls.filter((call) => kind === undefined || call.kind === kind);
    await waitFor(() => wanted().length >= n, timeoutMs);
    return wanted();
  }

  /** How many calls (of a kind) are not finished. */
  function inflight(kind?: CallKind): number {
    return calls.filter((call) => call.outcome === 'pending' && (kind === undefined || call.kind === kind))
      .length;
  }

  /** The most calls of a kind that arrived in any window of `windowMs` (half open: its end is the next one's). */
  function worstWindow(kind: CallKind, windowMs: number): number {
    const times = calls.filter((call) => call.kind === kind).map((call) => call.at);
    let worst = 0;
    let first = 0;
    for (const [index, at] of times.entries()) {
      while (at - (times[first] ?? at) >= windowMs) first++;
      worst = Math.max(worst, index - first + 1);
    }
    return worst;
  }

  return {
    calls,
    waitFor,
    waitForCalls,
    inflight,
    worstWindow,
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
