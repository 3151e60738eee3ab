import { and, eq, sql } from 'drizzle-orm';
import { callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';

/**
 * Fails (`provider_unavailable`) the previews that have waited longer than `waitMs` for a provider
 * that keeps failing. Their time counts from when the breaker opened or from when the preview was
 * queued, whichever was later. A preview that waits only for a call of the other kind keeps
 * waiting. Returns how many previews failed.
 */
export async function expireWaits(deps: FeatureDeps, { waitMs }: { waitMs: number }): Promise<number> {
  const deadline = sql`clock_timestamp() - make_interval(secs => ${waitMs} / 1000.0)`;
  const failing = await deps.orm
    .select({ kind: callLimits.kind })
    .from(callLimits)
    .where(sql`${callLimits.failingSince} < ${deadline}`);
  if (failing.length === 0) return 0;
  // Includes the breaker, which may close in between: each batch checks the condition again.
  const isExpired = and(
    eq(previews.status, 'queued'),
    sql`coalesce(${previews.queuedAt}, ${previews.createdAt}) < ${deadline}`,
    sql`exists (select 1 from ${callLimits} where ${callLimits.failingSince} < ${deadline}
      and (${previews.nextStep} is null or ${previews.nextStep} = ${callLimits.kind}))`,
  );
  const rows = await deps.orm.selectDistinct({ batchId: previews.batchId }).from(previews).where(isExpired);
  let count = 0;
  for (const { batchId } of rows) {
    count += await deps.transact(async (tx) => {
      const lock = await lockBatches(tx, [batchId]);
      const expiredRows = await tx
        .select({ id: previews.id })
        .from(previews)
        .where(and(eq(previews.batchId, batchId), isExpired));
      const ids = expiredRows.map((preview) => preview.id);
      await failPreviews(lock, ids, new AppError('provider_unavailable'));
      await finishBatch(deps, lock, batchId);
      return ids.length;
    });
  }
  return count;
}
