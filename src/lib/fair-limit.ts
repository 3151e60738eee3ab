/** The owner of a task, and the signal that aborts it. */
export interface Requester {
  /** The id of the workspace whose share of the limit the task uses. */
  readonly owner: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a limited number of tasks at once. Waiting tasks start by turns of their owners, not in
 * order of arrival.
 */
export interface FairLimit {
  /**
   * Runs the task when it is the turn of its owner. An abort ends the wait at once, but does not
   * interrupt a running task.
   *
   * @throws `signal.reason` when the signal aborts before the task starts; any error of the task.
   */
  run<T>(requester: Requester, task: () => Promise<T>): Promise<T>;
  /** Number of owners with a running or waiting task. */
  readonly owners: number;
}

interface Owner {
  running: number;
  /** Functions that start the waiting tasks, in order of arrival. */
  readonly waiting: Set<() => void>;
}

/**
 * Runs at most `max` tasks at once. A free slot goes to the owner with the fewest slots; of equal
 * owners, to the one whose last turn began or ended first. An owner with one task waits for the end
 * of one running task, however many tasks the others have queued. An owner without a slot may also
 * use one of the `reserve` slots, in addition to `max`: long tasks of others do not block it.
 */
export function createFairLimit(max: number, reserve = 0): FairLimit {
  // In the order of their last turn, oldest first.
  const owners = new Map<string, Owner>();
  let running = 0;

  function enter(name: string): Owner {
    const owner = owners.get(name) ?? { running: 0, waiting: new Set() };
    owners.set(name, owner);
    return owner;
  }

  function leave(name: string, owner: Owner): void {
    if (owner.running === 0 && owner.waiting.size === 0 && owners.get(name) === owner) owners.delete(name);
  }

  function moveToEnd(name: string, owner: Owner): void {
    owners.delete(name);
    owners.set(name, owner);
  }

  function startNext(): void {
    for (;;) {
      let next: [string, Owner] | undefined;
      for (const entry of owners) {
        const isWaiting = entry[1].waiting.size > 0;
        if (isWaiting && (next === undefined || entry[1].running < next[1].running)) next = entry;
      }
      if (next === undefined) return;
      const [name, owner] = next;
      if (running >= (owner.running === 0 ? max + reserve : max)) return;
      const [start] = owner.waiting;
      if (start === undefined) return;
      owner.waiting.delete(start);
      owner.running += 1;
      running += 1;
      moveToEnd(name, owner);
      start();
    }
  }

  /** Resolves when the owner has a slot. */
  function takeSlot(name: string, owner: Owner, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        owner.waiting.delete(start);
        leave(name, owner);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      owner.waiting.add(start);
      startNext();
    });
  }

  return {
    get owners() {
      return owners.size;
    },
    async run({ owner: name, signal }, task) {
      signal.throwIfAborted();
      const owner = enter(name);
      await takeSlot(name, owner, signal);
      try {
        signal.throwIfAborted();
        return await task();
      } finally {
        owner.running -= 1;
        running -= 1;
        moveToEnd(name, owner);
        leave(name, owner);
        startNext();
      }
    },
  };
}
