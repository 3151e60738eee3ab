import { and, eq, isNull, ne } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import type { PaidUsage } from '../lib/app-error.ts';
import { toCount } from './to-count.ts';

/** Records the tokens of an answer that was paid for but is not stored. Idempotent. */
export async function recordUsage(db: Executor, callId: string, usage: PaidUsage): Promise<void> {
  await db
    .update(aiCalls)
    .set({ inputTokens: toCount(usage.inputTokens), outputTokens: toCount(usage.outputTokens) })
    .where(
      and(
        eq(aiCalls.id, callId),
        ne(aiCalls.status, 'answered'),
        isNull(aiCalls.inputTokens),
        isNull(aiCalls.outputTokens),
      ),
    );
}
