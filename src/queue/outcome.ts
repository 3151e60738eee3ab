import type { AppError } from '../lib/app-error.ts';

/** How a piece of work ended. */
export type Outcome =
  /** It succeeded. */
  | { readonly kind: 'done' }
  /**
   * There was nothing to do any more: it was canceled, deleted, or taken over by another worker.
   */
  | { readonly kind: 'dropped'; readonly why: string }
  /** It will be retried; the job for that is in the queue. */
  | { readonly kind: 'retry'; readonly error: AppError; readonly delayMs: number }
  /** It failed, and the failure is stored. */
  | { readonly kind: 'failed'; readonly error: AppError };

export const done: Outcome = { kind: 'done' };

export function dropped(why: string): Outcome {
  return { kind: 'dropped', why };
}
