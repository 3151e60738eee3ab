import { createFairLimit, type FairLimit, type Requester } from '../../lib/fair-limit.ts';

/** Runs tasks, a bounded number at once for each host and owner. */
export interface HostSlots {
  run<T>(host: string, requester: Requester, task: () => Promise<T>): Promise<T>;
  /** Hosts and owners with a task that runs or waits. */
  readonly size: number;
}

/**
 * At most `perHost` tasks of an owner run at once for a host. Owners do not wait for each other: one whose
 * host drips its answers would hold up all others that read the same host.
 */
export function createHostSlots(perHost: number): HostSlots {
  const limits = new Map<string, FairLimit>();
  return {
    get size() {
      return limits.size;
    },
    async run(host, requester, task) {
      const key = `${requester.owner} ${host}`;
      const limit = limits.get(key) ?? createFairLimit(perHost);
      limits.set(key, limit);
      try {
        return await limit.run(requester, task);
      } finally {
        if (limit.owners === 0 && limits.get(key) === limit) limits.delete(key);
      }
    },
  };
}
