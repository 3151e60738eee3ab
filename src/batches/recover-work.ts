import { and, eq, notExists, sql } from 'drizzle-orm';
import { abandonCalls } from '../ai-calls/abandon-calls.ts';
import type { Transact, Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import type { Queue } from '../queue/queue.ts';
import { buryWorker } from '../workers/bury-worker.ts';
import { failSource, MAX_SOURCE_ATTEMPTS, requeueSource } from './fail-source.ts';
import { lockBatches } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';

/**
 * Hands on everything that a worker had under way, in one transaction: its calls are closed as unknown, their steps
 * queued again, its pages read again. For a worker that was found dead, and by one that stops with work under way.
 * Whoever comes second does nothing. Answers how much was handed on.
 */
export async function recoverWork(
  deps: { transact: Transact; queue: Queue },
  workerId: string,
): Promise<{ calls: number; pages: number }> {
  return deps.transact(async (tx) => {
    if (!(await buryWorker(tx, workerId))) return { calls: 0, pages: 0 };
    const pages = await tx
      .select({ sourceId: sources.id, batchId: sources.batchId, attempts: sources.attempts })
      .from(sources)
      .where(and(eq(sources.workerId, workerId), eq(sources.status, 'running')));
    const calls = await tx
      .select({ previewId: previews.id, batchId: previews.batchId })
      .from(aiCalls)
      .innerJoin(previews, eq(previews.id, aiCalls.previewId))
      .where(and(eq(aiCalls.workerId, workerId), eq(aiCalls.status, 'sent')));
    const alive = await lockBatches(
      tx,
      [...pages, ...calls].map((row) => row.batchId),
    );
    const abandoned = await abandonCalls(tx, workerId);
    for (const { batchId, previewId } of uniquePreviews(calls)) {
      const closed = abandoned.filter((call) => call.previewId === previewId).map((call) => call.kind);
      if (alive.has(batchId)) await settlePreview(deps, tx, { batchId, previewId, closed });
    }
    for (const page of pages) {
      if (alive.has(page.batchId)) await recoverPage(deps, tx, page);
    }
    return { calls: abandoned.length, pages: pages.length };
  });
}

/** A page that ends its reader again and again must not do so for ever. */
async function recoverPage(
  deps: { queue: Queue },
  tx: Tx,
  page: { sourceId: string; batchId: string; attempts: number },
): Promise<void> {
  const [held] = await tx
    .select({ id: sources.id })
    .from(sources)
    .where(and(eq(sources.id, page.sourceId), eq(sources.status, 'running')));
  if (!held) return;
  if (page.attempts > MAX_SOURCE_ATTEMPTS) await failSource(tx, page, new AppError('source_crashed'));
  else await requeueSource(deps, tx, page, 0);
}

/**
 * Settles previews that are `running` with no call under way: both answers may be stored while the worker ended
 * before it could write the prefill. Harmless where a worker is just about to do it itself. Answers how many.
 */
export async function settleStrays(deps: { transact: Transact; queue: Queue }): Promise<number> {
  return deps.transact(async (tx) => {
    const underWay = tx
      .select({ one: sql`1` })
      .from(aiCalls)
      .where(and(eq(aiCalls.previewId, previews.id), eq(aiCalls.status, 'sent')));
    const strays = await tx
      .select({ previewId: previews.id, batchId: previews.batchId })
      .from(previews)
      .where(and(eq(previews.status, 'running'), notExists(underWay)));
    await lockBatches(
      tx,
      strays.map((stray) => stray.batchId),
    );
    for (const stray of strays) await settlePreview(deps, tx, { ...stray, closed: [] });
    return strays.length;
  });
}

function uniquePreviews<P extends { previewId: string }>(rows: readonly P[]): P[] {
  return [...new Map(rows.map((row) => [row.previewId, row])).values()];
}
