import { eq, sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';

/**
 * Records that the last byte of a request has left. The time is the database's, taken afterwards,
 * so it is never too early; the window of the slot starts with it. Also for a call that was given
 * up meanwhile, as its request did leave.
 */
export async function recordDeparture(db: Executor, callId: string): Promise<void> {
  await db
    .update(aiCalls)
    .set({ leftAt: sql`greatest(${aiCalls.leftAt}, clock_timestamp())` })
    .where(eq(aiCalls.id, callId));
}
