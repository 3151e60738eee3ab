import { z } from 'zod';
import { AppError, isErrorCode } from '../lib/app-error.ts';

/** The reasons why a preview waits, and their messages. */
const WAIT_REASONS = {
  worker: 'No worker is running. Start one.',
  page: 'Its page is waiting to be read, or is being read.',
  retry: 'A call failed and is retried after a pause.',
  provider_pause: 'The AI service asked for a pause.',
  breaker:
    'The AI service keeps failing. One call is sent from time to time as a probe; when a probe is answered, all calls continue.',
  slot: 'It is waiting for a free slot within the rate limit.',
} as const;
export type WaitCode = keyof typeof WAIT_REASONS;

/** Why a preview has not started; `until` is the earliest end of that, null if unknown. */
export const waitingForSchema = z.object({
  code: z.enum(Object.keys(WAIT_REASONS) as [WaitCode, ...WaitCode[]]),
  message: z.string(),
  until: z.date().nullable(),
});

/** How long a preview still waits. */
export interface Waiting {
  /** The position over all workspaces; 1 starts next, 1000 is 1,000 or later. */
  readonly queuePosition: number;
  /**
   * When it is expected to be done, judging by the limit, the queue, and recent calls and pages.
   * Null without a worker.
   */
  readonly eta: Date | null;
  readonly waitingFor: z.infer<typeof waitingForSchema>;
}

/** Makes a reason to wait. `cause` is the code of the failure that led to it. */
export function waitFor(code: WaitCode, until: Date | null, cause?: string): Waiting['waitingFor'] {
  const why = cause !== undefined && isErrorCode(cause) ? ` (${new AppError(cause).message})` : '';
  return { code, message: WAIT_REASONS[code] + why, until };
}
