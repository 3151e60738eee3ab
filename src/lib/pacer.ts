/** Runs something for each key, at once at first, and then at most once in a while however often it is asked for. */
export interface Pacer {
  /** Something has changed: it is run now, or when the time since its last run is over. Never twice at once for a key. */
  touch(key: string): void;
  /** Runs nothing more. What runs ends by itself. */
  close(): void;
}

/** `run` must not fail for good: what it throws is forgotten, and the next touch tries again. */
export function createPacer(everyMs: number, run: (key: string) => Promise<void>): Pacer {
  /** Keys that ran within the time, and whether they were touched since. */
  const touched = new Map<string, boolean>();
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;

  async function start(key: string): Promise<void> {
    touched.set(key, false);
    const begunAt = performance.now();
    await run(key).catch(() => {});
    if (isClosed) return;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        const again = touched.get(key);
        touched.delete(key);
        if (again) void start(key);
      },
      Math.max(0, everyMs - (performance.now() - begunAt)),
    );
    timers.add(timer);
  }

  return {
    touch(key) {
      if (isClosed) return;
      if (touched.has(key)) touched.set(key, true);
      else void start(key);
    },
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
