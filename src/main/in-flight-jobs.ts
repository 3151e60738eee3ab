import { AppError } from '../lib/app-error.ts';

/** The jobs that this process is working on, so that it can list them and abort some of them. */
export interface InFlightJobs {
  /** Returns the ids of all jobs in flight and of what they belong to. */
  ids(): string[];
  /**
   * Runs a job. Its signal aborts when one of `ids` is canceled (its own, or of what it belongs
   * to), or when everything stops.
   */
  run(ids: readonly string[], work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Aborts all jobs that have this id, with the reason `cancelled`. */
  cancel(id: string): void;
}

/** Creates an empty set of jobs. `stopping` aborts all of them. */
export function createInFlightJobs(stopping: AbortSignal): InFlightJobs {
  // Not a map by id: a source that was canceled and retried may be claimed here while its first run
  // is still ending.
  const running = new Set<{ ids: ReadonlySet<string>; controller: AbortController }>();
  return {
    ids: () => [...running].flatMap((job) => [...job.ids]),
    async run(ids, work) {
      const job = { ids: new Set(ids), controller: new AbortController() };
      running.add(job);
      try {
        await work(AbortSignal.any([stopping, job.controller.signal]));
      } finally {
        running.delete(job);
      }
    },
    cancel(id) {
      for (const { ids, controller } of running) {
        if (ids.has(id)) controller.abort(new AppError('cancelled'));
      }
    },
  };
}
