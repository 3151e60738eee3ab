import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { type CallKind, SEND_WITHIN_MS } from './ai-call.ts';

/**
 * Closes calls whose worker is dead or does not know about them, as their outcome is unknown. If it
 * is unknown when a request left, stores the latest possible time: now, or the end of
 * `SEND_WITHIN_MS` if that is later. Returns the calls that were still open.
 */
export async function abandonCalls(
  tx: Tx,
  callIds: readonly string[],
): Promise<{ previewId: string | null; kind: CallKind }[]> {
  if (callIds.length === 0) return [];
  const latestTime = sql`greatest(clock_timestamp(), ${aiCalls.claimedAt} + make_interval(secs => ${SEND_WITHIN_MS} / 1000.0))`;
  const rows = await tx
    .update(aiCalls)
    .set({
      status: 'unknown',
      errorCode: 'ai_outcome_unknown',
      leftAt: sql`coalesce(${aiCalls.leftAt}, ${latestTime})`,
      endedAt: sql`clock_timestamp()`,
    })
    .where(and(inArray(aiCalls.id, [...callIds]), eq(aiCalls.status, 'sent')))
    .returning({ previewId: aiCalls.previewId, kind: aiCalls.kind });
  return rows.map((row) => ({ previewId: row.previewId, kind: row.kind as CallKind }));
}
