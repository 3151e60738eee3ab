/** Runs something for each key, at once at first, and then at most once in a while however often it is asked for. */
export interface KeyedThrottle {
  /** Something has changed: it is run now, or when the time since its last run is over. Never twice at once for a key. */
  touch(key: string): void;
  /** Runs what was touched, each when its time has come, and then nothing more. */
  drain(): Promise<void>;
  /** Runs nothing more. What runs ends by itself. */
  close(): void;
}

/**
 * `run` must not fail for good: what it throws is forgotten, and the next touch tries again. The time is counted from the end of a
 * run; a run may touch its own key.
 */
export function createKeyedThrottle(everyMs: number, run: (key: string) => Promise<void>): KeyedThrottle {
  /** Keys that run or ran within the time, and whether they were touched since. */
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

  /** Nothing runs, and nothing is waiting for its time. */
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
