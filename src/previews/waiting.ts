import { z } from 'zod';
import { AppError, isErrorCode } from '../lib/app-error.ts';

/** What a preview may wait for, and how that is told. */
const WAITS = {
  worker: 'No worker is running. Start one.',
  page: 'Its page waits to be read, or is being read.',
  retry: 'A call failed and is tried again after a pause.',
  provider_pause: 'The AI service asked us to wait.',
  breaker: 'The AI service keeps failing. One call is tried now and then; when one is answered, all go on.',
  slot: 'It waits for its turn within the rate limit.',
} as const;
export type WaitCode = keyof typeof WAITS;

/** Why a preview that has not started has not, and until when that lasts at the soonest; null if nobody can say. */
export const waitingForSchema = z.object({
  code: z.enum(Object.keys(WAITS) as [WaitCode, ...WaitCode[]]),
  message: z.string(),
  until: z.date().nullable(),
});

/** How long a preview waits still. */
export interface Waiting {
  /** 1 for the one that starts next, over all workspaces. */
  readonly queuePosition: number;
  /** When it is expected to be done, by the limit, the order, and what calls and pages took lately. Null without a worker. */
  readonly eta: Date | null;
  readonly waitingFor: z.infer<typeof waitingForSchema>;
}

/** A reason to wait. `cause`: the code of the failure that is behind it. */
export function waitFor(code: WaitCode, until: Date | null, cause?: string): Waiting['waitingFor'] {
  const why = cause !== undefined && isErrorCode(cause) ? ` (${new AppError(cause).message})` : '';
  return { code, message: WAITS[code] + why, until };
}
