import { and, eq, inArray, sql } from 'drizzle-orm';
import { CALL_KINDS } from '../ai-calls/ai-call.ts';
import { judgeSteps, loadCalls } from '../ai-calls/judge-steps.ts';
import type { Tx } from '../db/client.ts';
import { batches, sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { enqueueStarts } from '../previews/enqueue-starts.ts';
import { nextFairTag } from '../previews/fair-tag.ts';
import type { Queue } from '../queue/queue.ts';
import { enqueuePages } from './enqueue-pages.ts';
import { givePageTags } from './page-tags.ts';
import { settlePreview } from './settle-preview.ts';

/** A preview that is final, and its batch, whose lock the caller holds. */
interface Restart {
  readonly batchId: string;
  readonly workspaceId: string;
  readonly previewIds: readonly string[];
}

/**
 * A final state -> `queued`, or `pending` when its page must be read first. What failed or was cancelled begins a new round
 * of tries, in which what was answered is kept; one that is `done` begins a new generation, with another variant number
 * so that texts and background differ. Takes back that the batch was cancelled or finished.
 */
export async function restartPreviews(deps: { queue: Queue }, tx: Tx, restart: Restart): Promise<void> {
  const { batchId, workspaceId, previewIds } = restart;
  const rows = await tx
    .update(previews)
    .set({
      generation: sql`${previews.generation} + (${previews.status} = 'done')::int`,
      round: sql`${previews.round} + 1`,
      variant: sql`${previews.variant} + case when ${previews.status} = 'done' then ${sources.batchSize} else 0 end`,
      status: sql`case when ${previews.imageId} is null then 'pending' else 'queued' end`,
      nextStep: null,
      retryAt: null,
      errorCode: null,
      errorMessage: null,
      version: sql`${previews.version} + 1`,
      queuedAt: sql`clock_timestamp()`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: null,
    })
    .from(sources)
    .where(and(inArray(previews.id, [...previewIds]), eq(sources.id, previews.sourceId)))
    .returning({
      previewId: previews.id,
      sourceId: previews.sourceId,
      imageId: previews.imageId,
      generation: previews.generation,
      round: previews.round,
    });
  await tx.update(batches).set({ cancelRequestedAt: null, finishedAt: null }).where(eq(batches.id, batchId));

  const toRead = new Set(rows.filter((row) => row.imageId === null).map((row) => row.sourceId));
  if (toRead.size > 0) await readAgain(deps, tx, { workspaceId, batchId, sourceIds: [...toRead] });

  const starts: string[] = [];
  // Ids are made in the order of source and position.
  const ready = rows.filter(({ imageId }) => imageId !== null).toSorted(byId);
  const verdicts = judgeSteps(
    ready,
    await loadCalls(
      tx,
      ready.map((row) => row.previewId),
    ),
  );
  for (const row of ready) {
    const steps = verdicts.get(row.previewId);
    const toTry = CALL_KINDS.filter((kind) => steps?.[kind].state === 'to_try');
    if (toTry.length === CALL_KINDS.length) starts.push(row.previewId);
    else await settlePreview(deps, tx, { batchId, previewId: row.previewId, closed: toTry });
  }
  if (starts.length === 0) return;
  const firstTag = await nextFairTag(tx, workspaceId);
  const order = sql.join(
    starts.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
  await tx
    .update(previews)
    .set({ fairTag: sql`${firstTag}::int + array_position(array[${order}], ${previews.id}) - 1` })
    .where(inArray(previews.id, starts));
  await enqueueStarts(deps, tx, { batchId, previewIds: starts, firstTag });
}

const byId = (a: { previewId: string }, b: { previewId: string }): number =>
  a.previewId < b.previewId ? -1 : 1;

/** Sources that are final -> `pending`, with as many tries as at first. Those that wait or are read are left alone. */
async function readAgain(
  deps: { queue: Queue },
  tx: Tx,
  which: { workspaceId: string; batchId: string; sourceIds: string[] },
): Promise<void> {
  await tx
    .update(sources)
    .set({
      status: 'pending',
      fairTag: null,
      attemptsForgiven: sources.attempts,
      errorCode: null,
      errorMessage: null,
      finishedAt: null,
    })
    .where(and(inArray(sources.id, which.sourceIds), inArray(sources.status, ['done', 'failed'])));
  await enqueuePages(deps, tx, { batchId: which.batchId, tags: await givePageTags(tx, which) });
}
