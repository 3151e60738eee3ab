import { and, eq, lt, notInArray, sql } from 'drizzle-orm';
import { abandonCalls } from '../ai-calls/abandon-calls.ts';
import type { Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { requeueSource } from '../sources/requeue-source.ts';
import { markWorkerDead } from '../workers/mark-worker-dead.ts';
import { failSource } from './fail-source.ts';
import { type BatchLock, lockBatches } from './lock-batches.ts';
import { settleSafely } from './settle-safely.ts';

/** Tries after which a page is not read again when its worker dies: the page may be the cause. */
const MAX_WORKER_DEATHS = 4;
/**
 * A worker knows about a committed claim within this time; otherwise the reply to the commit was
 * lost.
 */
const FORGOTTEN_AFTER_MS = 5000;
/** Keeps the list of a `not in` from being empty. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** How much work was requeued. */
export interface Rescued {
  readonly calls: number;
  readonly pages: number;
}

/**
 * Requeues everything that a worker has under way, in one transaction: closes its calls as unknown,
 * queues their steps again, and has its pages read again. For a dead worker, and for one that stops
 * with work under way. Of several callers, only the first does anything.
 */
export async function rescueWork(deps: FeatureDeps, workerId: string): Promise<Rescued> {
  return deps.transact(async (tx) => {
    if (!(await markWorkerDead(tx, workerId))) return { calls: 0, pages: 0 };
    return requeueWork(deps, tx, { workerId, inFlightIds: [NO_ID], olderThanMs: 0 });
  });
}

/**
 * Requeues work that a living worker has claimed but does not know about: the connection was lost
 * before the reply to a commit, or a result could not be stored. `inFlightIds` has the ids of the
 * calls and sources that the worker does work on.
 */
export async function rescueForgotten(
  deps: FeatureDeps,
  worker: { workerId: string; inFlightIds: readonly string[] },
): Promise<Rescued> {
  const inFlightIds = [NO_ID, ...worker.inFlightIds];
  return deps.transact((tx) =>
    requeueWork(deps, tx, { ...worker, inFlightIds, olderThanMs: FORGOTTEN_AFTER_MS }),
  );
}

async function requeueWork(
  deps: FeatureDeps,
  tx: Tx,
  selection: { workerId: string; inFlightIds: string[]; olderThanMs: number },
): Promise<Rescued> {
  const { workerId, inFlightIds, olderThanMs } = selection;
  const claimedBefore = sql`clock_timestamp() - make_interval(secs => ${olderThanMs} / 1000.0)`;
  const pages = await tx
    .select({
      sourceId: sources.id,
      batchId: sources.batchId,
      tries: sql<number>`${sources.attempts} - ${sources.attemptsForgiven}`,
    })
    .from(sources)
    .where(
      and(
        eq(sources.workerId, workerId),
        eq(sources.status, 'running'),
        notInArray(sources.id, inFlightIds),
        lt(sources.claimedAt, claimedBefore),
      ),
    );
  // Also calls of deleted previews, as they hold slots.
  const calls = await tx
    .select({ callId: aiCalls.id, previewId: aiCalls.previewId, batchId: previews.batchId })
    .from(aiCalls)
    .leftJoin(previews, eq(previews.id, aiCalls.previewId))
    .where(
      and(
        eq(aiCalls.workerId, workerId),
        eq(aiCalls.status, 'sent'),
        notInArray(aiCalls.id, inFlightIds),
        lt(aiCalls.claimedAt, claimedBefore),
      ),
    )
    // A retried step takes a start tag, which locks its workspace: keep to the common lock order.
    .orderBy(previews.workspaceId);
  const lock = await lockBatches(
    tx,
    [...pages, ...calls].flatMap(({ batchId }) => batchId ?? []),
  );
  const closed = await abandonCalls(
    tx,
    calls.map((call) => call.callId),
  );
  const batchOf = new Map(calls.map((call) => [call.previewId, call.batchId]));
  for (const [previewId, batchId] of batchOf) {
    if (previewId === null || batchId === null) continue;
    const kinds = closed.filter((call) => call.previewId === previewId).map((call) => call.kind);
    await settleSafely(deps, lock, { batchId, previewId, closed: kinds });
  }
  for (const page of pages) await requeueOrFailSource(deps, lock, page);
  return { calls: closed.length, pages: pages.length };
}

async function requeueOrFailSource(
  deps: FeatureDeps,
  lock: BatchLock,
  page: { sourceId: string; batchId: string; tries: number },
): Promise<void> {
  const running = and(eq(sources.id, page.sourceId), eq(sources.status, 'running'));
  const [row] = await lock.select({ id: sources.id }).from(sources).where(running);
  if (!row) return;
  if (page.tries >= MAX_WORKER_DEATHS) await failSource(deps, lock, page, new AppError('source_crashed'));
  else await requeueSource(deps, lock, page, 0);
}
