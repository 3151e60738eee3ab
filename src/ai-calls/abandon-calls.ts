import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import type { CallKind } from './ai-call.ts';

/**
 * Closes every call a dead worker had under way: nobody knows what became of it. If it is not known when the
 * request left, it was now at the latest. Answers whose calls these were.
 */
export async function abandonCalls(
  tx: Tx,
  workerId: string,
): Promise<{ previewId: string | null; kind: CallKind }[]> {
  const rows = await tx
    .update(aiCalls)
    .set({
      status: 'unknown',
      errorCode: 'ai_outcome_unknown',
      leftAt: sql`coalesce(${aiCalls.leftAt}, clock_timestamp())`,
      endedAt: sql`clock_timestamp()`,
    })
    .where(and(eq(aiCalls.workerId, workerId), eq(aiCalls.status, 'sent')))
    .returning({ previewId: aiCalls.previewId, kind: aiCalls.kind });
  return rows.map((row) => ({ previewId: row.previewId, kind: row.kind as CallKind }));
}
