import type { AppError } from '../lib/app-error.ts';

/** How a piece of work ended: the four ways there are. */
export type Outcome =
  /** It did what it was for. */
  | { readonly kind: 'done' }
  /** There was nothing (left) to do: cancelled, deleted, or taken over by somebody else. */
  | { readonly kind: 'dropped'; readonly why: string }
  /** It will be tried again; the job for that is in the queue. */
  | { readonly kind: 'retry'; readonly error: AppError; readonly delayMs: number }
  /** It ended in a failure that is written down. */
  | { readonly kind: 'failed'; readonly error: AppError };

export const done: Outcome = { kind: 'done' };

export function dropped(why: string): Outcome {
  return { kind: 'dropped', why };
}
