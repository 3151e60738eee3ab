import type { Log } from '../lib/log.ts';

/** The result of a claim: work to start now, and when another claim may succeed. */
export interface Claim<W> {
  readonly work: readonly W[];
  /** Whether to claim again at once, because there may be more work. */
  readonly more: boolean;
  /**
   * Nothing waits for a slot or for free capacity. Until a `wake`, no claim would find work, not
   * even after running work ends.
   */
  readonly drained?: boolean;
  /**
   * Milliseconds until a claim may succeed without a `wake`, for example until the next free slot.
   */
  readonly waitMs?: number;
}

export interface PollerOptions<W> {
  readonly name: string;
  /** The maximum number of pieces of work that run at the same time, without those in `reserve`. */
  readonly capacity: number;
  /** Returns the owner of a piece of work. */
  ownerOf?(work: W): string;
  /**
   * Pieces above `capacity`, one for each owner with nothing running, so that deliberately slow
   * work of some owners does not make all others wait. 0 if absent. Needs `ownerOf`.
   * Such work waits up to `pollMs` longer.
   */
  readonly reserve?: number;
  /**
   * Takes up to `free` pieces, none of the owners in `without`. Its transaction decides which ones;
   * this process must run what it returns.
   */
  claim(free: number, without: readonly string[]): Promise<Claim<W>>;
  /** Runs one piece. Must not throw. */
  run(work: W): Promise<void>;
  /** Polling interval: when a delayed job is due, no NOTIFY is sent, and a NOTIFY can be lost. */
  readonly pollMs: number;
  readonly log: Log;
}

/**
 * Claims work while it has free capacity. Wakes up on commits, on a timer, and when work ends while
 * more waits.
 */
export interface Poller {
  wake(): void;
  /** Stops claiming, and resolves when no claim is under way. Running work continues. */
  stop(): Promise<void>;
  /** Resolves when nothing is running. */
  idle(): Promise<void>;
}

const PAUSE_AFTER_ERROR_MS = 500;

/** Starts a poller. Logs a failed claim (for example when the database is down) and retries it. */
export function startPoller<W>(options: PollerOptions<W>): Poller {
  if (options.reserve && !options.ownerOf)
    throw new Error(`the poller ${options.name} has a reserve but no owners`);
  // The running pieces and their owners, if they have any.
  const running = new Map<Promise<void>, string | undefined>();
  let stopped = false;
  let woken = false;
  let drained = false;
  /** When a claim for the reserve last found nothing. */
  let reserveEmptyAt = Number.NEGATIVE_INFINITY;
  let endSleep = () => {};

  function wake(): void {
    woken = true;
    endSleep();
  }

  function start(work: W): void {
    const job = options.run(work).finally(() => {
      running.delete(job);
      if (!drained) wake();
    });
    running.set(job, options.ownerOf?.(work));
  }

  /** Sleeps until woken or until the time is over. */
  async function sleep(ms: number): Promise<void> {
    if (woken || stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    endSleep = () => {};
  }

  /** Returns how many pieces may be claimed now, and the owners whose work may not be. */
  function findFreeCapacity(): { free: number; without: string[] } {
    const free = options.capacity - running.size;
    if (free > 0) return { free, without: [] };
    const hasReserve = -free < (options.reserve ?? 0);
    return {
      free: hasReserve ? 1 : 0,
      without: [...new Set(running.values())].filter((owner) => owner !== undefined),
    };
  }

  async function claimOnce(): Promise<number> {
    // More may wait until the claim reports otherwise: work may end while the claim is under way.
    drained = false;
    const { free, without } = findFreeCapacity();
    if (free < 1) return options.pollMs;
    // Every commit wakes a full poller, and most claims would find work of owners who hold slots.
    const againInMs = without.length > 0 ? reserveEmptyAt + options.pollMs - performance.now() : 0;
    if (againInMs > 0) return againInMs;
    try {
      const claim = await options.claim(free, without);
      for (const work of claim.work) start(work);
      if (without.length > 0 && claim.work.length === 0) reserveEmptyAt = performance.now();
      // Work of the owners in `without` may still wait.
      drained = without.length === 0 && (claim.drained ?? false);
      return claim.more ? 0 : Math.min(claim.waitMs ?? options.pollMs, options.pollMs);
    } catch (err) {
      options.log.warn({ poller: options.name, err }, 'claim failed; retrying');
      return PAUSE_AFTER_ERROR_MS;
    }
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      const waitMs = await claimOnce();
      if (waitMs > 0) await sleep(waitMs);
    }
  }

  const ended = loop();
  return {
    wake,
    async stop() {
      stopped = true;
      endSleep();
      await ended;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running.keys());
    },
  };
}
