import { and, eq, inArray, sql } from 'drizzle-orm';
import { isAnswered, judgeSteps } from '../ai-calls/judge-steps.ts';
import { type Orm, prepareOnce, type Transact, type Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import { finishPreviews } from '../previews/finish-previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { Queue } from '../queue/queue.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';
import { settleSafely } from './settle-safely.ts';

interface Deps {
  readonly orm: Orm;
  readonly transact: Transact;
  readonly queue: Queue;
}

/** A preview whose answer was stored, in its batch. */
interface Answered {
  readonly batchId: string;
  readonly previewId: string;
}

/** Brings a preview whose answer was stored to what that means, `done` if it was the second. May run again. */
export type SettleAnswer = (call: Answered) => Promise<void>;

/**
 * Settles the answers of one process. The first of two answers changes nothing, so only the last one is settled. Those of one
 * batch that come while another one is being settled are settled together after it: they would only wait for the batch's
 * lock, each on a connection of its own.
 */
export function createSettleAnswer(deps: Deps): SettleAnswer {
  /** By batch: what comes next, while something of the batch is being settled. */
  const waiting = new Map<string, { previewIds: Set<string>; settled: Promise<void> }>();
  const running = new Map<string, Promise<void>>();

  return async ({ batchId, previewId }) => {
    if (await isHalfway(deps, previewId)) return;
    const group = waiting.get(batchId);
    if (group) {
      group.previewIds.add(previewId);
      return group.settled;
    }
    const previewIds = new Set([previewId]);
    const before = running.get(batchId) ?? Promise.resolve();
    const settled = before
      .catch(() => {})
      .then(() => {
        waiting.delete(batchId);
        return settleTogether(deps, batchId, [...previewIds]);
      });
    waiting.set(batchId, { previewIds, settled });
    running.set(batchId, settled);
    try {
      await settled;
    } finally {
      if (running.get(batchId) === settled) running.delete(batchId);
    }
  };
}

const underWay = prepareOnce((orm) =>
  orm
    .select({ id: aiCalls.id })
    .from(aiCalls)
    .innerJoin(previews, and(eq(previews.id, aiCalls.previewId), eq(previews.generation, aiCalls.generation)))
    .where(and(eq(aiCalls.previewId, sql.placeholder('previewId')), eq(aiCalls.status, 'sent')))
    .limit(1)
    .prepare('find_call_under_way'),
);

/**
 * Whether another call of the preview is under way: whoever ends it settles the preview. Asked after the answer was
 * committed, so that of two at once at least one sees the other's.
 */
async function isHalfway(deps: Deps, previewId: string): Promise<boolean> {
  return (await underWay(deps.orm).execute({ previewId })).length > 0;
}

async function settleTogether(deps: Deps, batchId: string, previewIds: readonly string[]): Promise<void> {
  try {
    await deps.transact(async (tx) => {
      await lockBatches(tx, [batchId]);
      const others = await finishAnswered(tx, previewIds);
      for (const previewId of others) await settlePreview(deps, tx, { batchId, previewId, closed: [] });
      await finishBatch(tx, batchId);
    });
  } catch (error) {
    if (isRetryableConflict(error) || isUnavailable(error)) throw error;
    // One that cannot be settled must not keep the others from it.
    await deps.transact(async (tx) => {
      await lockBatches(tx, [batchId]);
      for (const previewId of previewIds) await settleSafely(deps, tx, { batchId, previewId, closed: [] });
    });
  }
}

/** Finishes those of the previews that have both answers, all at once. Answers the others. */
async function finishAnswered(tx: Tx, previewIds: readonly string[]): Promise<string[]> {
  const rows = await tx
    .select({ previewId: previews.id, generation: previews.generation, round: previews.round })
    .from(previews)
    .where(and(inArray(previews.id, [...previewIds]), inArray(previews.status, UNFINISHED_STATUSES)))
    // Not deleted (with their product) before this is through.
    .for('key share');
  const verdicts = await judgeSteps(tx, rows);
  const answered = rows.map((row) => row.previewId).filter((id) => isAnswered(verdicts.get(id)));
  await finishPreviews(tx, answered);
  return previewIds.filter((id) => !answered.includes(id));
}
