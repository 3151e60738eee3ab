import { AppError } from '../lib/app-error.ts';

/** The id of a job, and the ids of what it belongs to, such as its batch. */
export type JobIds = readonly [own: string, ...belongsTo: string[]];

/** The jobs that this process is working on, so that it can list them and abort some of them. */
export interface InFlightJobs {
  /** Returns the own ids of the jobs in flight. */
  ids(): string[];
  /**
   * Runs a job. Its signal aborts when one of `ids` is canceled, or when everything stops. A job
   * without ids cannot be canceled.
   */
  run(ids: JobIds | undefined, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Aborts all jobs that have this id, with the reason `cancelled`. */
  cancel(id: string): void;
}

/** Creates an empty set of jobs. `stopping` aborts all of them. */
export function createInFlightJobs(stopping: AbortSignal): InFlightJobs {
  // Not a map by id: a source that was canceled and retried may be claimed here while its first run
  // is still ending.
  const running = new Set<{ ids: JobIds | undefined; controller: AbortController }>();
  return {
    ids: () => [...running].flatMap((job) => job.ids?.[0] ?? []),
    async run(ids, work) {
      const job = { ids, controller: new AbortController() };
      running.add(job);
      try {
        await work(AbortSignal.any([stopping, job.controller.signal]));
      } finally {
        running.delete(job);
      }
    },
    cancel(id) {
      for (const { ids, controller } of running) {
        if (ids?.includes(id)) controller.abort(new AppError('cancelled'));
      }
    },
  };
}
