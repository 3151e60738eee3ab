import { and, eq, inArray, sql } from 'drizzle-orm';
import { decideSteps, isAnswered, loadCalls } from '../ai-calls/decide-steps.ts';
import { type Orm, prepareOnce, type Transact, type Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { Queue } from '../queue/queue.ts';
import { finishBatch } from './finish-batch.ts';
import { finishPreviews, loadParts } from './finish-previews.ts';
import { lockBatches, pipelinedUnderLock } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';
import { settleSafely } from './settle-safely.ts';

interface Deps {
  readonly orm: Orm;
  readonly transact: Transact;
  readonly queue: Queue;
}

/** A call whose answer was stored, and its preview in its batch. */
interface Answered {
  readonly callId: string;
  readonly batchId: string;
  readonly previewId: string;
}

/** Settles the answers of one process. */
export interface AnswerSettler {
  /** Runs a call. Until its own answer is stored, the preview's other answer leaves the settling to it. */
  run(call: Answered, work: () => Promise<void>): Promise<void>;
  /** Brings a preview whose answer was stored to what that means, `done` if it was the second. May run again. */
  settle(call: Answered): Promise<void>;
}

/**
 * The first of two answers changes nothing, so only the last one is settled: whoever ends the other call, be it with a failure,
 * settles the preview. Answers of one batch that come while another one is being settled are settled together after it: they
 * would only wait for the batch's lock, each on a connection of its own.
 */
export function createAnswerSettler(deps: Deps): AnswerSettler {
  /** By preview: its calls that this process makes and whose answer is not stored. */
  const unanswered = new Map<string, Set<string>>();
  /** By batch: what comes next, while something of the batch is being settled. */
  const waiting = new Map<string, { previewIds: Set<string>; settled: Promise<void> }>();
  const running = new Map<string, Promise<void>>();

  function note({ callId, previewId }: Answered): void {
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
        note(call);
      }
    },
    async settle(call) {
      note(call);
      const { batchId, previewId } = call;
      if (unanswered.has(previewId)) return;
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
    },
  };
}

async function settleTogether(deps: Deps, batchId: string, previewIds: readonly string[]): Promise<void> {
  try {
    await deps.transact(async (tx) => {
      const { lock, answered, others, parts } = await sortAnswered(tx, batchId, previewIds);
      for (const previewId of others) await settlePreview(deps, lock, { batchId, previewId, closed: [] });
      // The others have looked after that themselves.
      if (answered.length === 0) return;
      await pipelined(
        () => finishPreviews(lock, answered, parts),
        () => finishBatch(deps, lock, batchId),
      );
    });
  } catch (error) {
    if (isRetryableConflict(error) || isUnavailable(error)) throw error;
    // One that cannot be settled must not keep the others from it.
    await deps.transact(async (tx) => {
      const lock = await lockBatches(tx, [batchId]);
      for (const previewId of previewIds) await settleSafely(deps, lock, { batchId, previewId, closed: [] });
    });
  }
}

const unfinished = prepareOnce((orm) =>
  orm
    .select({ previewId: previews.id, generation: previews.generation, round: previews.round })
    .from(previews)
    .where(
      and(
        eq(previews.id, sql`any(${sql.placeholder('previewIds')})`),
        inArray(previews.status, UNFINISHED_STATUSES),
      ),
    )
    // Not deleted (with their product) before this is through.
    .for('key share')
    .prepare('hold_unfinished_previews'),
);

/** Locks the batch, and tells the previews that have both answers, as they can be finished, from the others. */
async function sortAnswered(tx: Tx, batchId: string, previewIds: readonly string[]) {
  const [lock, rows, calls, parts] = await pipelinedUnderLock(tx, [batchId], (held) => [
    () => unfinished(held).execute({ previewIds }),
    () => loadCalls(held, previewIds),
    () => loadParts(held, previewIds),
  ]);
  const verdicts = decideSteps(rows, calls);
  const answered = rows.map((row) => row.previewId).filter((id) => isAnswered(verdicts.get(id)));
  return { lock, answered, others: previewIds.filter((id) => !answered.includes(id)), parts };
}
