import { AppError } from '../lib/app-error.ts';

/** The jobs that this process is working on, so that it can list them and abort some of them. */
export interface InFlightJobs {
  /** Returns the ids of all jobs in flight. */
  ids(): string[];
  /**
   * Runs a job. Its signal aborts when the job or one of `belongsTo` is canceled, or when
   * everything stops.
   */
  run(id: string, belongsTo: readonly string[], work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Aborts all jobs that have this id or belong to it, with the reason `cancelled`. */
  cancel(id: string): void;
}

/** Creates an empty set of jobs. `stopping` aborts all of them. */
export function createInFlightJobs(stopping: AbortSignal): InFlightJobs {
  // Not a map by id: a source that was canceled and retried may be claimed here while its first run
  // is still ending.
  const held = new Set<{ id: string; names: ReadonlySet<string>; controller: AbortController }>();
  return {
    ids: () => [...held].map((piece) => piece.id),
    async run(id, belongsTo, work) {
      const piece = { id, names: new Set([id, ...belongsTo]), controller: new AbortController() };
      held.add(piece);
      try {
        await work(AbortSignal.any([stopping, piece.controller.signal]));
      } finally {
        held.delete(piece);
      }
    },
    cancel(id) {
      for (const { names, controller } of held) {
        if (names.has(id)) controller.abort(new AppError('cancelled'));
      }
    },
  };
}
