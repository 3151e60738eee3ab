import { sql } from 'drizzle-orm';
import { callLimits } from '../db/schema/ai-calls.ts';
import { parseRate } from '../lib/rate.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { CALL_KINDS } from './ai-call.ts';

/**
 * Puts a rate (`20/m`, `off`) in force for all processes, now. Returns the earlier rate if it was a
 * different one. Idempotent. A pause that the provider asked for stays. A failing provider is tried
 * at once, as a setting may have been the cause.
 */
export async function setLimit(
  deps: Pick<FeatureDeps, 'transact'>,
  rate: string,
): Promise<{ replaced?: string }> {
  const parsed = parseRate(rate);
  if (parsed === undefined) throw new TypeError(`not a rate: ${rate}`);
  return deps.transact(async (tx) => {
    const before = await tx
      .select({ rate: callLimits.rate })
      .from(callLimits)
      .orderBy(callLimits.kind)
      .for('update');
    await tx
      .insert(callLimits)
      .values(
        CALL_KINDS.map((kind) => ({
          kind,
          rate,
          maxCalls: parsed?.maxCalls ?? null,
          windowMs: parsed?.windowMs ?? null,
        })),
      )
      .onConflictDoUpdate({
        target: callLimits.kind,
        set: {
          rate: sql`excluded.rate`,
          maxCalls: sql`excluded.max_calls`,
          windowMs: sql`excluded.window_ms`,
          probeAfter: sql`case when ${callLimits.failingSince} is not null then clock_timestamp() end`,
          updatedAt: sql`clock_timestamp()`,
        },
      });
    const replaced = before.find((row) => row.rate !== rate)?.rate;
    return replaced === undefined ? {} : { replaced };
  });
}
