import { AppError } from '../lib/app-error.ts';

/** What this process works on, so that it can be told which it is, and end a part of it. */
export interface HeldWork {
  /** The ids of what is under way. */
  ids(): string[];
  /** Runs a piece of work with a signal that aborts when it, or something it belongs to, is cancelled, or all is stopped. */
  run(id: string, belongsTo: readonly string[], work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Ends what has this id or belongs to it, with the reason `cancelled`. */
  cancel(id: string): void;
}

/** Holds nothing at first. `stopping` ends everything. */
export function createHeldWork(stopping: AbortSignal): HeldWork {
  const held = new Map<string, { names: ReadonlySet<string>; controller: AbortController }>();
  return {
    ids: () => [...held.keys()],
    async run(id, belongsTo, work) {
      const controller = new AbortController();
      held.set(id, { names: new Set([id, ...belongsTo]), controller });
      try {
        await work(AbortSignal.any([stopping, controller.signal]));
      } finally {
        held.delete(id);
      }
    },
    cancel(id) {
      for (const { names, controller } of held.values()) {
        if (names.has(id)) controller.abort(new AppError('cancelled'));
      }
    },
  };
}
