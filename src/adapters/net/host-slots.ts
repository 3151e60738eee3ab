import { createFairLimit, type FairLimit, type Requester } from '../../lib/fair-limit.ts';

/** Runs a limited number of tasks at once for each host and owner. */
export interface HostSlots {
  run<T>(host: string, requester: Requester, task: () => Promise<T>): Promise<T>;
  /** Number of pairs of host and owner with a running or waiting task. */
  readonly size: number;
}

/**
 * Runs at most `perHost` tasks at once for each host and owner. Owners do not share a limit: an
 * owner whose requests are answered very slowly would block all others that read the same host.
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
