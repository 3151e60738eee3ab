import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';

/**
 * Notes that the requests' last bytes have gone out. The time is the database's, taken after the fact, so it is
 * never too early: from here on the slots' windows run.
 */
export async function markLeft(db: Executor, callIds: readonly string[]): Promise<void> {
  await db
    .update(aiCalls)
    .set({ leftAt: sql`clock_timestamp()` })
    .where(and(inArray(aiCalls.id, [...callIds]), isNull(aiCalls.leftAt), eq(aiCalls.status, 'sent')));
}
