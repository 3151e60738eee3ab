import { sql } from 'drizzle-orm';
import { CALL_KINDS } from '../ai-calls/ai-call.ts';
import type { StepDecisions } from '../ai-calls/decide-steps.ts';
import type { BatchLock } from './lock-batches.ts';

/**
 * Updates previews that are neither answered nor failed: `running` while a call is under way, else
 * `queued`; `next_step` is the step that waits, if only one does. Idempotent.
 */
export async function syncStepStatus(
  lock: BatchLock,
  previews: ReadonlyMap<string, StepDecisions>,
): Promise<void> {
  if (previews.size === 0) return;
  const values = [...previews].map(([previewId, steps]) => {
    const isUnderWay = CALL_KINDS.some((kind) => steps[kind].state === 'under_way');
    const toTry = CALL_KINDS.filter((kind) => steps[kind].state === 'to_try');
    const nextStep = toTry.length === 1 ? toTry[0] : null;
    return sql`(${previewId}::uuid, ${isUnderWay ? 'running' : 'queued'}::text, ${nextStep}::text)`;
  });
  await lock.execute(sql`
    update cta.previews p set status = v.status, next_step = v.next_step, updated_at = clock_timestamp()
    from (values ${sql.join(values, sql`, `)}) as v (id, status, next_step)
    where p.id = v.id and (p.status, p.next_step) is distinct from (v.status, v.next_step)`);
}
