/** For whom something is done, and when it is not wanted any more. */
export interface Requester {
  /** Whose share of what is limited this takes: a workspace's id. */
  readonly owner: string;
  readonly signal: AbortSignal;
}

/** Runs tasks, a bounded number at once. Tasks that wait are taken by turns of their owners, not by arrival. */
export interface FairLimit {
  /**
   * Runs the task when it is its owner's turn. An abort ends the wait at once; a task that runs is
   * not interrupted.
   *
   * @throws `signal.reason` when the signal aborts before the task starts; what the task throws.
   */
  run<T>(requester: Requester, task: () => Promise<T>): Promise<T>;
  /** Owners with a task that runs or waits. */
  readonly owners: number;
}

interface Owner {
  running: number;
  /** Starts of the tasks that wait, first come first. */
  readonly waiting: Set<() => void>;
}

/**
 * At most `most` tasks run at once. A free slot goes to the owner who holds the fewest, of equal ones to
 * the one whose last turn began or ended first: an owner with one task waits for the end of one running task,
 * however many tasks the others have queued. An owner who holds no slot may also have one of the `reserve`,
 * beyond `most`: tasks of others that take long do not hold it up.
 */
export function createFairLimit(most: number, reserve = 0): FairLimit {
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
      if (running >= (owner.running === 0 ? most + reserve : most)) return;
      const [start] = owner.waiting;
      if (start === undefined) return;
      owner.waiting.delete(start);
      owner.running += 1;
      running += 1;
      moveToEnd(name, owner);
      start();
    }
  }

  /** Resolves when a slot is taken for the owner. */
  function takeSlot(name: string, owner: Owner, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        owner.waiting.delete(start);
        leave(name, owner);
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
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
