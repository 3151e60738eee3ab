/** Runs a function for each key: at once for the first request, then at most once per interval. */
export interface KeyedThrottle {
  /**
   * Requests a run for the key: now, or when the interval since its last run is over. Runs of one
   * key never overlap.
   */
  touch(key: string): void;
  /** Runs everything that was requested, each at its time, then stops. */
  drain(): Promise<void>;
  /** Starts no more runs. A current run continues to its end. */
  close(): void;
}

/**
 * Ignores an error of `run`; the next `touch` tries again. `everyMs` counts from the end of a run.
 * A run may touch its own key.
 */
export function createKeyedThrottle(everyMs: number, run: (key: string) => Promise<void>): KeyedThrottle {
  /** Keys that are running or ran within the interval, and whether they were touched since. */
  const touched = new Map<string, boolean>();
  const timers = new Set<NodeJS.Timeout>();
  let running = 0;
  let isClosed = false;
  let onIdle = () => {};

  async function start(key: string): Promise<void> {
    touched.set(key, false);
    running += 1;
    await run(key).catch(() => {});
    running -= 1;
    if (isClosed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      const again = touched.get(key);
      touched.delete(key);
      if (again) void start(key);
    }, everyMs);
    timers.add(timer);
    if (isIdle()) onIdle();
  }

  /** Returns whether nothing runs or waits for its time. */
  function isIdle(): boolean {
    return running === 0 && ![...touched.values()].includes(true);
  }

  function close(): void {
    isClosed = true;
    for (const timer of timers) clearTimeout(timer);
  }

  return {
    touch(key) {
      if (isClosed) return;
      if (touched.has(key)) touched.set(key, true);
      else void start(key);
    },
    async drain() {
      const idle = Promise.withResolvers<void>();
      onIdle = idle.resolve;
      if (!isIdle()) await idle.promise;
      close();
    },
    close,
  };
}
