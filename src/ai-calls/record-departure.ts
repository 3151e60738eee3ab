import { eq, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';

/**
 * Notes that a request's last byte has gone out. The time is the database's, taken after the fact, so it is never too
 * early: from here on the slot's window runs. Also for a call that was given up in the meantime; it did leave.
 */
export async function recordDeparture(db: Executor, callId: string): Promise<void> {
  await db
    .update(aiCalls)
    .set({ leftAt: sql`greatest(${aiCalls.leftAt}, clock_timestamp())` })
    .where(eq(aiCalls.id, callId));
}
