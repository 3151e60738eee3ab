import { and, eq, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import type { ErrorCode } from '../lib/app-error.ts';
import type { CallStatus } from './ai-call.ts';

/** The outcomes after which the provider may have done (and billed) the work. */
const UNKNOWN_OUTCOMES: ReadonlySet<ErrorCode> = new Set([
  'ai_timeout',
  'ai_connection_lost',
  'ai_outcome_unknown',
]);

/** The outcomes of a request that never left; its slot is free at once. */
const NOT_SENT: ReadonlySet<ErrorCode> = new Set(['ai_unreachable', 'slot_expired', 'deleted']);

/**
 * Records how a call failed. Returns the generation that the call was for, or undefined if it no
 * longer belonged to this worker: the caller must then change nothing.
 */
export async function closeCall(
  db: Executor,
  call: { callId: string; workerId: string },
  code: ErrorCode,
): Promise<number | undefined> {
  const [closed] = await db
    .update(aiCalls)
    .set({
      status: statusOfFailure(code),
      errorCode: code,
      endedAt: sql`clock_timestamp()`,
      ...(NOT_SENT.has(code) ? {} : { leftAt: sql`coalesce(${aiCalls.leftAt}, clock_timestamp())` }),
    })
    .where(and(eq(aiCalls.id, call.callId), eq(aiCalls.workerId, call.workerId), eq(aiCalls.status, 'sent')))
    .returning({ generation: aiCalls.generation });
  return closed?.generation;
}

/** Returns the status of a failed call in the ledger. */
export function statusOfFailure(code: ErrorCode): CallStatus {
  if (code === 'ai_refused') return 'refused';
  return UNKNOWN_OUTCOMES.has(code) ? 'unknown' : 'failed';
}
