import { and, eq, inArray, sql } from 'drizzle-orm';
import { decideSteps, isAnswered, loadCalls } from '../ai-calls/decide-steps.ts';
import { prepareOnce, type Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { finishBatch } from './finish-batch.ts';
import { finishPreviews, loadParts } from './finish-previews.ts';
import { lockBatches, pipelinedUnderLock } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';
import { settleSafely } from './settle-safely.ts';

/** A call whose answer was stored, with its preview and batch. */
interface AnsweredCall {
  readonly callId: string;
  readonly batchId: string;
  readonly previewId: string;
}

/** Settles the answers of one process. */
export interface AnswerSettler {
  /**
   * Runs a call. Until its answer is stored, the preview's other call does not settle the preview.
   */
  run(call: AnsweredCall, work: () => Promise<void>): Promise<void>;
  /**
   * Settles a preview after an answer was stored; the second answer makes it `done`. Idempotent.
   */
  settle(call: AnsweredCall): Promise<void>;
}

/**
 * The first of two answers changes no status, so only the call that ends last settles the preview,
 * even if it failed. While a batch is being settled, its next answers are gathered and settled
 * together: alone, each would wait for the batch lock on a connection of its own.
 */
export function createAnswerSettler(deps: FeatureDeps): AnswerSettler {
  /** By preview: the calls of this process whose answers are not stored yet. */
  const unanswered = new Map<string, Set<string>>();
  /** By batch: the next group of previews, while another group is being settled. */
  const nextGroups = new Map<string, { previewIds: Set<string>; settled: Promise<void> }>();
  const running = new Map<string, Promise<void>>();

  function forgetCall({ callId, previewId }: AnsweredCall): void {
    const calls = unanswered.get(previewId);
    calls?.delete(callId);
    if (calls?.size === 0) unanswered.delete(previewId);
  }

  return {
    async run(call, work) {
      const calls = unanswered.get(call.previewId) ?? new Set();
      unanswered.set(call.previewId, calls.add(call.callId));
      try {
        await work();
      } finally {
        forgetCall(call);
      }
    },
    async settle(call) {
      forgetCall(call);
      const { batchId, previewId } = call;
      if (unanswered.has(previewId)) return;
      const group = nextGroups.get(batchId);
      if (group) {
        group.previewIds.add(previewId);
        return group.settled;
      }
      const previewIds = new Set([previewId]);
      const previous = running.get(batchId) ?? Promise.resolve();
      const settled = previous
        .catch(() => {})
        .then(() => {
          nextGroups.delete(batchId);
          return settleTogether(deps, batchId, [...previewIds]);
        });
      nextGroups.set(batchId, { previewIds, settled });
      running.set(batchId, settled);
      try {
        await settled;
      } finally {
        if (running.get(batchId) === settled) running.delete(batchId);
      }
    },
  };
}

async function settleTogether(
  deps: FeatureDeps,
  batchId: string,
  previewIds: readonly string[],
): Promise<void> {
  try {
    await deps.transact(async (tx) => {
      const { lock, answered, others, parts } = await sortAnswered(tx, batchId, previewIds);
      for (const previewId of others) await settlePreview(deps, lock, { batchId, previewId, closed: [] });
      // `settlePreview` has finished the batch if one of the others was the last.
      if (answered.length === 0) return;
      await pipelined(
        () => finishPreviews(lock, answered, parts),
        () => finishBatch(deps, lock, batchId),
      );
    });
  } catch (error) {
    if (isRetryableConflict(error) || isUnavailable(error)) throw error;
    // Settle one at a time: a preview that cannot be settled must not hold up the others.
    await deps.transact(async (tx) => {
      const lock = await lockBatches(tx, [batchId]);
      for (const previewId of previewIds) await settleSafely(deps, lock, { batchId, previewId, closed: [] });
    });
  }
}

const lockUnfinished = prepareOnce((orm) =>
  orm
    .select({ previewId: previews.id, generation: previews.generation, round: previews.round })
    .from(previews)
    .where(
      and(
        eq(previews.id, sql`any(${sql.placeholder('previewIds')})`),
        inArray(previews.status, UNFINISHED_STATUSES),
      ),
    )
    // Keeps the previews from being deleted (with their product) until the transaction ends.
    .for('key share')
    .prepare('lock_unfinished_previews'),
);

/**
 * Locks the batch, and separates previews with both answers, which can be finished, from the
 * others.
 */
async function sortAnswered(tx: Tx, batchId: string, previewIds: readonly string[]) {
  const [lock, rows, calls, parts] = await pipelinedUnderLock(tx, [batchId], (batchLock) => [
    () => lockUnfinished(batchLock).execute({ previewIds }),
    () => loadCalls(batchLock, previewIds),
    () => loadParts(batchLock, previewIds),
  ]);
  const decisions = decideSteps(rows, calls);
  const answered = rows.map((row) => row.previewId).filter((id) => isAnswered(decisions.get(id)));
  return { lock, answered, others: previewIds.filter((id) => !answered.includes(id)), parts };
}
