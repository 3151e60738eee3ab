import { and, desc, eq, isNull, ne, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { aiCalls, callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import type { ErrorCode } from '../lib/app-error.ts';
import type { CallKind } from './ai-call.ts';
import { countsAsFailure, isFailing, LATEST_CALLS, PROBE_EVERY_MS } from './breaker.ts';

/**
 * Opens the breaker of a kind, for all processes, if the latest calls are a run of failures. To be
 * called after a call was closed as failed. Returns true if this call opened it.
 */
export async function recordFailure(tx: Tx, kind: CallKind, code: ErrorCode): Promise<boolean> {
  if (!countsAsFailure(code)) return false;
  const latest = await tx
    .select({ errorCode: aiCalls.errorCode, sourceId: previews.sourceId })
    .from(aiCalls)
    .leftJoin(previews, eq(previews.id, aiCalls.previewId))
    .where(and(eq(aiCalls.kind, kind), ne(aiCalls.status, 'sent')))
    .orderBy(desc(aiCalls.endedAt))
    .limit(LATEST_CALLS);
  if (!isFailing(latest)) return false;
  const opened = await tx
    .update(callLimits)
    .set({
      failingSince: sql`clock_timestamp()`,
      failingCode: code,
      probeAfter: sql`clock_timestamp() + make_interval(secs => ${PROBE_EVERY_MS} / 1000.0)`,
    })
    .where(and(eq(callLimits.kind, kind), isNull(callLimits.failingSince)))
    .returning({ kind: callLimits.kind });
  return opened.length > 0;
}
