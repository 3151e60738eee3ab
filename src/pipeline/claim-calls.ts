import { and, eq, inArray, sql } from 'drizzle-orm';
import { CALL_KINDS, type CallKind, createIdempotencyKey } from '../ai-calls/ai-call.ts';
import { loadCalls, type PastCall } from '../ai-calls/decide-steps.ts';
import { type LockedSlots, lockSlots } from '../ai-calls/lock-slots.ts';
import { type CallProviders, type NewCall, openCalls } from '../ai-calls/open-calls.ts';
import { postponeProbes } from '../ai-calls/postpone-probes.ts';
import { prepareOnce, type Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Claim } from '../queue/poller.ts';
import type { FetchedJobs } from '../queue/queue.ts';
import { lockWorker } from '../workers/lock-worker.ts';
import { recordStarts } from '../workspaces/start-tags.ts';
import { type CallInput, loadInputs } from './load-input.ts';
import { type BatchLock, pipelinedUnderLock } from './lock-batches.ts';
import { STEP_JOBS } from './queue-steps.ts';
import { settlePreview } from './settle-preview.ts';

/** A call to make now: it has its slot and its row in the ledger. */
export interface ClaimedCall {
  readonly callId: string;
  readonly job: CallJob;
  readonly workerId: string;
  readonly workspaceId: string;
  readonly batchId: string;
  readonly previewId: string;
  readonly kind: CallKind;
  readonly idempotencyKey: string;
  /** The input for the provider; undefined if the preview's image is gone. */
  readonly input: CallInput | undefined;
  /** Whether it takes a slot. If so, the time at which its request leaves must be recorded. */
  readonly counted: boolean;
  /** The trace context of its job, if tracing is on. */
  readonly traceparent?: string | undefined;
  /** `performance.now()` shortly before the commit of the claim. */
  readonly claimedAt: number;
}

/** The jobs that lead to calls, and the steps that each job makes. */
const CALL_JOBS = {
  [STEP_JOBS.text]: ['text'],
  [STEP_JOBS.image]: ['image'],
  'preview.generate': CALL_KINDS,
} as const satisfies Record<string, readonly CallKind[]>;
type CallJob = keyof typeof CALL_JOBS;
const CALL_JOB_NAMES = Object.keys(CALL_JOBS) as CallJob[];

/** A taken job, and the steps to make for it. */
interface CallRequest {
  readonly job: CallJob;
  readonly batchId: string;
  readonly previewId: string;
  readonly traceparent?: string | undefined;
  readonly isStart: boolean;
  readonly kinds: readonly CallKind[];
}

/** A call that will be made. */
interface PlannedCall extends NewCall {
  readonly job: CallJob;
  readonly traceparent: string | undefined;
  readonly batchId: string;
  readonly isStart: boolean;
  readonly startTag: number;
}

/**
 * Claims calls in one transaction: takes slots and jobs, changes previews to `running` and writes
 * the calls to the ledger as `sent`. All times are from the database's clock, and claims of all
 * processes run one after another. A start takes one slot of each kind and makes both calls; a
 * retried step takes one slot of its kind.
 *
 * The jobs are settled in the same transaction: after the commit, the calls on the ledger represent
 * the work. A worker that was marked as dead claims nothing.
 *
 * `recovered`: the kinds of calls whose provider works again.
 */
export async function claimCalls(
  deps: FeatureDeps,
  options: { workerId: string; providers: CallProviders; limit: number },
): Promise<Claim<ClaimedCall> & { recovered?: readonly CallKind[] }> {
  const { workerId, limit } = options;
  return deps.transact(async (tx) => {
    const [isAlive, slots, dueJobs] = await pipelined(
      () => lockWorker(tx, workerId),
      // Locks the limit: from here on, only one process at a time claims calls.
      () => lockSlots(tx),
      () => deps.queue.listDueJobs(tx, CALL_JOB_NAMES, limit),
    );
    if (!isAlive) return { work: [], more: false };
    const claimedAt = performance.now();
    const { recovered } = slots;
    const fetched = await fetchJobs(deps, tx, chooseJobs(dueJobs, slots, limit));
    // If fewer jobs than `limit` are due, these are all. If all of them were taken, nothing waits.
    const drained = dueJobs.length < limit && (fetched?.requests.length ?? 0) === dueJobs.length;
    if (fetched === undefined) return { work: [], more: false, drained, recovered, ...nextSlot(slots) };
    const plannedCalls = await planCalls(deps, fetched, slots);
    const [callIds] = await pipelined(
      () => openCalls(slots.lock, plannedCalls, options),
      () => markRunning(tx, plannedCalls),
      () =>
        recordStarts(
          tx,
          'previews',
          plannedCalls.filter((plannedCall) => plannedCall.isStart),
        ),
    );
    if (plannedCalls.some((plannedCall) => plannedCall.probe)) await postponeProbes(slots.lock);
    const work = plannedCalls.map((plannedCall, i) => ({
      callId: requireValue(callIds[i], 'the id of a call'),
      job: plannedCall.job,
      workerId,
      workspaceId: plannedCall.workspaceId,
      batchId: plannedCall.batchId,
      previewId: plannedCall.previewId,
      kind: plannedCall.kind,
      idempotencyKey: createIdempotencyKey(plannedCall),
      input: fetched.inputs.get(plannedCall.previewId),
      counted: plannedCall.counted,
      traceparent: plannedCall.traceparent,
      claimedAt,
    }));
    return { work, more: !drained, drained, recovered };
  });
}

/**
 * Returns how many jobs of each name to take. Goes through `dueJobs` (starts and retries, in the
 * order of their start tags) and chooses the jobs that have a free slot of each kind they need. Of
 * jobs that would be probes, it chooses one.
 */
function chooseJobs(dueJobs: readonly CallJob[], slots: LockedSlots, limit: number): Map<CallJob, number> {
  const free = { text: slots.text.free, image: slots.image.free };
  const failing = CALL_KINDS.filter((kind) => slots[kind].isFailing);
  const counts = new Map<CallJob, number>();
  let remaining = limit;
  for (const name of dueJobs) {
    const kinds = CALL_JOBS[name];
    // A job without a free slot does not block the jobs after it.
    if (remaining === 0 || kinds.some((kind) => free[kind] === 0)) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const kind of kinds) free[kind] -= 1;
    remaining -= 1;
    const isProbe = kinds.some((kind) => slots[kind].isFailing);
    if (isProbe) for (const kind of failing) free[kind] = 0;
  }
  return counts;
}

/** The taken jobs, and the stored state of their previews. */
interface LockedJobs {
  readonly lock: BatchLock;
  readonly requests: readonly CallRequest[];
  /** Previews that exist and are not final. */
  readonly rows: Awaited<ReturnType<typeof lockWaitingPreviews>>;
  readonly calls: readonly PastCall[];
  readonly inputs: ReadonlyMap<string, CallInput>;
}

/** Takes the jobs, locks their batches, and loads their previews. */
async function fetchJobs(
  deps: Pick<FeatureDeps, 'queue'>,
  tx: Tx,
  counts: ReadonlyMap<CallJob, number>,
): Promise<LockedJobs | undefined> {
  const fetched: ({ name: CallJob } & FetchedJobs<CallJob>)[] = [];
  for (const [name, count] of counts) fetched.push({ name, ...(await deps.queue.fetch(tx, name, count)) });
  const requests = fetched.flatMap(({ name, jobs }) =>
    jobs.map(({ payload }) => ({
      ...payload,
      job: name,
      isStart: name === 'preview.generate',
      kinds: CALL_JOBS[name],
    })),
  );
  if (requests.length === 0) return undefined;
  const previewIds = requests.map((request) => request.previewId);
  const batchIds = requests.map((request) => request.batchId);
  const [lock, rows, calls, inputs] = await pipelinedUnderLock(tx, batchIds, (batchLock) => [
    () => lockWaitingPreviews(batchLock, previewIds),
    () => loadCalls(batchLock, previewIds),
    () => loadInputs(batchLock, previewIds),
    () => pipelined(...fetched.map(({ complete }) => complete)),
  ]);
  return { lock, requests, rows, calls, inputs };
}

const lockWaiting = prepareOnce((orm) =>
  orm
    .select({
      id: previews.id,
      workspaceId: previews.workspaceId,
      generation: previews.generation,
      round: previews.round,
      startTag: previews.startTag,
    })
    .from(previews)
    .where(
      and(
        eq(previews.id, sql`any(${sql.placeholder('previewIds')})`),
        inArray(previews.status, ['queued', 'running']),
      ),
    )
    .for('key share')
    .prepare('lock_waiting_previews'),
);

/**
 * Loads the previews that are not final. The row locks keep them from being deleted before the
 * ledger rows that refer to them are written.
 */
function lockWaitingPreviews(tx: Tx, previewIds: readonly string[]) {
  return lockWaiting(tx).execute({ previewIds });
}

/**
 * Returns the calls to make for the taken jobs. Skips previews that are gone or final, and steps
 * that have an answer (a worker that was marked as dead may have stored it) or a call under way.
 * Settles a preview if no call remains to be made for its job.
 */
async function planCalls(
  deps: Pick<FeatureDeps, 'queue'>,
  { lock, requests, rows, calls }: LockedJobs,
  slots: LockedSlots,
): Promise<PlannedCall[]> {
  const plannedCalls: PlannedCall[] = [];
  for (const { job, batchId, previewId, traceparent, isStart, kinds } of requests) {
    const row = rows.find((candidate) => candidate.id === previewId);
    const before = plannedCalls.length;
    for (const kind of row ? kinds : []) {
      const pastCalls = calls.filter(
        (call) => call.previewId === previewId && call.kind === kind && call.generation === row?.generation,
      );
      const isSettled = pastCalls.some((call) => call.status === 'answered' || call.status === 'sent');
      const isDuplicate = plannedCalls.some(
        (plannedCall) => plannedCall.previewId === previewId && plannedCall.kind === kind,
      );
      if (!row || isSettled || isDuplicate) continue;
      plannedCalls.push({
        workspaceId: row.workspaceId,
        batchId,
        previewId,
        kind,
        job,
        traceparent,
        isStart,
        generation: row.generation,
        round: row.round,
        startTag: row.startTag ?? 0,
        attempt: pastCalls.length + 1,
        counted: slots[kind].isLimited,
        probe: slots[kind].isFailing,
      });
    }
    if (plannedCalls.length === before) await settlePreview(deps, lock, { batchId, previewId, closed: [] });
  }
  return plannedCalls;
}

const markAllRunning = prepareOnce((orm) =>
  orm
    .update(previews)
    .set({ status: 'running', updatedAt: sql`clock_timestamp()` })
    .where(
      and(
        eq(previews.id, sql`any(${sql.placeholder('previewIds')})`),
        inArray(previews.status, ['queued', 'running']),
      ),
    )
    .prepare('mark_previews_running'),
);

async function markRunning(tx: Tx, plannedCalls: readonly PlannedCall[]): Promise<void> {
  if (plannedCalls.length === 0) return;
  await markAllRunning(tx).execute({ previewIds: plannedCalls.map((plannedCall) => plannedCall.previewId) });
}

/** Returns when a claim may succeed because a slot opens or a pause ends. */
function nextSlot(slots: LockedSlots): { waitMs?: number } {
  const waits = CALL_KINDS.flatMap((kind) => (slots[kind].free === 0 ? (slots[kind].waitMs ?? []) : []));
  return waits.length > 0 ? { waitMs: Math.min(...waits) } : {};
}
