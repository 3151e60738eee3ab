import { AppError } from '../lib/app-error.ts';

/** What this process works on, so that it can be told which it is, and end a part of it. */
export interface InFlightJobs {
  /** The ids of what is under way. */
  ids(): string[];
  /** Runs a piece of work with a signal that aborts when it, or something it belongs to, is cancelled, or all is stopped. */
  run(id: string, belongsTo: readonly string[], work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Ends what has this id or belongs to it, with the reason `cancelled`. */
  cancel(id: string): void;
}

/** Holds nothing at first. `stopping` ends everything. */
export function createInFlightJobs(stopping: AbortSignal): InFlightJobs {
  // Not by id: a page that is cancelled and tried again may be claimed here while its first reading is still ending.
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
