import { and, eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import type { GivenProduct } from '../products/product.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Claim } from '../queue/poller.ts';
import { lockWorker } from '../workers/lock-worker.ts';
import { recordStarts } from '../workspaces/start-tags.ts';
import { type BatchLock, pipelinedUnderLock } from './lock-batches.ts';
import { markStarted } from './start-batches.ts';

/** A page to read, and the worker that reads it. */
export interface ClaimedSource {
  readonly sourceId: string;
  readonly batchId: string;
  readonly workspaceId: string;
  readonly url: string;
  readonly batchSize: number;
  /** Wishes for the generated texts. */
  readonly locale: string | null;
  readonly tone: string | null;
  /** A product that the client gave with the source; its page is then not read. */
  readonly given: GivenProduct | null;
  /** Counts the readings of the source, to tell a late result from the present one. */
  readonly attempt: number;
  /** 1 for the first try, and for the first one after a person asked for a retry. */
  readonly tries: number;
  readonly workerId: string;
  /** The trace context of its job, if tracing is on. */
  readonly traceparent?: string | undefined;
}

/**
 * Takes `source.process` jobs, marks their sources as `running` by this worker and their batches as
 * started, in one transaction. Drops jobs whose source is gone or no longer `pending`. Leaves the
 * jobs of the workspaces in `without` in the queue.
 */
export async function claimSources(
  deps: FeatureDeps,
  options: { workerId: string; limit: number; without?: readonly string[] },
): Promise<Claim<ClaimedSource>> {
  const { workerId, limit, without = [] } = options;
  return deps.transact(async (tx) => {
    if (!(await lockWorker(tx, workerId))) return { work: [], more: false };
    const { jobs, complete } = await deps.queue.fetch(tx, 'source.process', limit, { without });
    const rest = { more: jobs.length === limit, drained: jobs.length < limit };
    if (jobs.length === 0) return { work: [], ...rest };
    const batchIds = jobs.map((job) => job.payload.batchId);
    const sourceIds = jobs.map((job) => job.payload.sourceId);
    const [, work] = await pipelinedUnderLock(tx, batchIds, (lock) => [
      () => markRunning(lock).execute({ workerId, sourceIds }),
      () => markStarted(lock, batchIds),
      complete,
    ]);
    const traceparents = new Map(jobs.map(({ payload }) => [payload.sourceId, payload.traceparent]));
    await recordStarts(tx, 'sources', work);
    return {
      work: work.map(({ startTag: _, ...source }) => ({
        ...source,
        workerId,
        traceparent: traceparents.get(source.sourceId),
      })),
      ...rest,
    };
  });
}

const markRunning = prepareOnce((orm) =>
  orm
    .update(sources)
    .set({
      status: 'running',
      workerId: sql`${sql.placeholder('workerId')}`,
      attempts: sql`${sources.attempts} + 1`,
      claimedAt: sql`clock_timestamp()`,
      startedAt: sql`coalesce(${sources.startedAt}, clock_timestamp())`,
    })
    .where(and(eq(sources.id, sql`any(${sql.placeholder('sourceIds')})`), eq(sources.status, 'pending')))
    .returning({
      sourceId: sources.id,
      batchId: sources.batchId,
      workspaceId: sources.workspaceId,
      url: sources.url,
      batchSize: sources.batchSize,
      locale: sources.locale,
      tone: sources.tone,
      given: sources.given,
      startTag: sources.startTag,
      attempt: sources.attempts,
      tries: sql<number>`${sources.attempts} - ${sources.attemptsForgiven}`,
    })
    .prepare('mark_sources_running'),
);

const selectClaimed = prepareOnce((orm) =>
  orm
    .select({ id: sources.id })
    .from(sources)
    .where(
      and(
        eq(sources.id, sql.placeholder('sourceId')),
        eq(sources.status, 'running'),
        eq(sources.workerId, sql.placeholder('workerId')),
        eq(sources.attempts, sql.placeholder('attempt')),
      ),
    )
    .prepare('find_claimed_source'),
);

/** Returns whether the claimed reading is still the present one. */
export async function isStillClaimed(lock: BatchLock, source: ClaimedSource): Promise<boolean> {
  const { sourceId, workerId, attempt } = source;
  return (await selectClaimed(lock).execute({ sourceId, workerId, attempt })).length > 0;
}
