import pLimit, { type LimitFunction } from 'p-limit';

/** Runs tasks, a bounded number at once for each host. */
export interface HostSlots {
  run<T>(host: string, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** Hosts with a task running or waiting. */
  readonly size: number;
}

/** At most `perHost` tasks of a host run at once. A host is forgotten with its last task. */
export function createHostSlots(perHost: number): HostSlots {
  const limits = new Map<string, LimitFunction>();
  return {
    get size() {
      return limits.size;
    },
    async run(host, signal, task) {
      signal.throwIfAborted();
      const limit = limits.get(host) ?? pLimit(perHost);
      limits.set(host, limit);
      const turn = limit(async () => {
        signal.throwIfAborted();
        return await task();
      });
      const forget = () => {
        if (limit.activeCount + limit.pendingCount === 0 && limits.get(host) === limit) limits.delete(host);
      };
      // p-limit counts a task as active until just after its promise settles.
      turn.then(forget, forget).then(forget, forget);
      return await untilAborted(turn, signal);
    },
  };
}

/** Gives up the wait at an abort, so that a task far back in the row need not be reached first. */
async function untilAborted<T>(turn: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([turn, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
