import { and, eq, inArray, sql } from 'drizzle-orm';
import { CALL_KINDS, type CallKind, createIdempotencyKey } from '../ai-calls/ai-call.ts';
import { loadCalls, type PastCall } from '../ai-calls/decide-steps.ts';
import { type LockedSlots, lockSlots } from '../ai-calls/lock-slots.ts';
import { type CallMakers, type CallOrder, openCalls } from '../ai-calls/open-calls.ts';
import { postponeProbes } from '../ai-calls/postpone-probes.ts';
import { prepareOnce, type Transact, type Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';
import type { Claim } from '../queue/poller.ts';
import type { Queue, Taken } from '../queue/queue.ts';
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

/** A taken job, and the steps that it asks for. */
interface Wish {
  readonly job: CallJob;
  readonly batchId: string;
  readonly previewId: string;
  readonly traceparent?: string | undefined;
  readonly isStart: boolean;
  readonly kinds: readonly CallKind[];
}

/** A call that will be made. */
interface PlacedOrder extends CallOrder {
  readonly job: CallJob;
  readonly traceparent: string | undefined;
  readonly batchId: string;
  readonly isStart: boolean;
  readonly fairTag: number;
}

/**
 * Claims calls in one transaction: takes slots and jobs, changes previews to `running` and writes
 * the calls to the ledger as `sent`. All times are from the database's clock, and claims of all
 * processes run one after another. A start takes one slot of each kind and makes both calls; a
 * retried step takes one slot of its kind.
 *
 * After the commit, the ledger stands for the calls, so their jobs are settled. A worker that was
 * marked as dead claims nothing.
 *
 * `recovered`: the kinds of calls whose provider works again.
 */
export async function claimCalls(
  deps: { transact: Transact; queue: Queue },
  options: { workerId: string; makers: CallMakers; limit: number },
): Promise<Claim<ClaimedCall> & { recovered?: readonly CallKind[] }> {
  const { workerId, limit } = options;
  return deps.transact(async (tx) => {
    const [isAlive, stock, line] = await pipelined(
      () => lockWorker(tx, workerId),
      // Locks the limit: from here on, only one process at a time claims calls.
      () => lockSlots(tx),
      () => deps.queue.order(tx, CALL_JOB_NAMES, limit),
    );
    if (!isAlive) return { work: [], more: false };
    const claimedAt = performance.now();
    const { recovered } = stock;
    const taken = await takeJobs(deps, tx, chooseJobs(line, stock, limit));
    // A line shorter than `limit` has all waiting jobs. If all of them were taken, nothing waits.
    const drained = line.length < limit && (taken?.wishes.length ?? 0) === line.length;
    if (taken === undefined) return { work: [], more: false, drained, recovered, ...nextSlot(stock) };
    const orders = await placeOrders(deps, taken, stock);
    const [callIds] = await pipelined(
      () => openCalls(tx, orders, options),
      () => markRunning(tx, orders),
      () =>
        recordStarts(
          tx,
          orders.filter((order) => order.isStart),
        ),
    );
    if (orders.some((order) => order.probe)) await postponeProbes(tx);
    const work = orders.map((order, i) => ({
      callId: requireValue(callIds[i], 'the id of a call'),
      job: order.job,
      workerId,
      workspaceId: order.workspaceId,
      batchId: order.batchId,
      previewId: order.previewId,
      kind: order.kind,
      idempotencyKey: createIdempotencyKey(order),
      input: taken.inputs.get(order.previewId),
      counted: order.counted,
      traceparent: order.traceparent,
      claimedAt,
    }));
    return { work, more: !drained, drained, recovered };
  });
}

/**
 * Returns how many jobs of each name to take. Goes through `line` (starts and retries, in fair
 * order) and chooses the jobs that have a free slot of each kind they need. Of jobs that would be
 * probes, it chooses one.
 */
function chooseJobs(line: readonly CallJob[], stock: LockedSlots, limit: number): Map<CallJob, number> {
  const free = { text: stock.text.free, image: stock.image.free };
  const failing = CALL_KINDS.filter((kind) => stock[kind].isFailing);
  const counts = new Map<CallJob, number>();
  let left = limit;
  for (const name of line) {
    const kinds = CALL_JOBS[name];
    // A job without a free slot does not block the jobs after it.
    if (left === 0 || kinds.some((kind) => free[kind] === 0)) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const kind of kinds) free[kind] -= 1;
    left -= 1;
    const isProbe = kinds.some((kind) => stock[kind].isFailing);
    if (isProbe) for (const kind of failing) free[kind] = 0;
  }
  return counts;
}

/** The taken jobs, and the stored state of their previews. */
interface TakenJobs {
  readonly lock: BatchLock;
  readonly wishes: readonly Wish[];
  /** Previews that exist and are not final. */
  readonly rows: Awaited<ReturnType<typeof holdWaiting>>;
  readonly calls: readonly PastCall[];
  readonly inputs: ReadonlyMap<string, CallInput>;
}

/** Takes the jobs, locks their batches, and loads their previews. */
async function takeJobs(
  deps: { queue: Queue },
  tx: Tx,
  counts: ReadonlyMap<CallJob, number>,
): Promise<TakenJobs | undefined> {
  const taken: ({ name: CallJob } & Taken<CallJob>)[] = [];
  for (const [name, count] of counts) taken.push({ name, ...(await deps.queue.take(tx, name, count)) });
  const wishes = taken.flatMap(({ name, jobs }) =>
    jobs.map(({ payload }) => ({
      ...payload,
      job: name,
      isStart: name === 'preview.generate',
      kinds: CALL_JOBS[name],
    })),
  );
  if (wishes.length === 0) return undefined;
  const previewIds = wishes.map((wish) => wish.previewId);
  const batchIds = wishes.map((wish) => wish.batchId);
  const [lock, rows, calls, inputs] = await pipelinedUnderLock(tx, batchIds, (held) => [
    () => holdWaiting(held, previewIds),
    () => loadCalls(held, previewIds),
    () => loadInputs(held, previewIds),
    () => pipelined(...taken.map(({ settle }) => settle)),
  ]);
  return { lock, wishes, rows, calls, inputs };
}

const waiting = prepareOnce((orm) =>
  orm
    .select({
      id: previews.id,
      workspaceId: previews.workspaceId,
      generation: previews.generation,
      round: previews.round,
      fairTag: previews.fairTag,
    })
    .from(previews)
    .where(
      and(
        eq(previews.id, sql`any(${sql.placeholder('previewIds')})`),
        inArray(previews.status, ['queued', 'running']),
      ),
    )
    .for('key share')
    .prepare('hold_waiting_previews'),
);

/**
 * Loads the previews that still want calls. The row locks keep them from being deleted before the
 * ledger rows that refer to them are written.
 */
function holdWaiting(tx: Tx, previewIds: readonly string[]) {
  return waiting(tx).execute({ previewIds });
}

/**
 * Turns wishes into orders. Skips previews that are gone or final, and steps that have an answer (a
 * worker that was marked as dead may have stored it) or a call under way. Settles a preview if
 * nothing remains of its wish.
 */
async function placeOrders(
  deps: { queue: Queue },
  { lock, wishes, rows, calls }: TakenJobs,
  stock: LockedSlots,
): Promise<PlacedOrder[]> {
  const orders: PlacedOrder[] = [];
  for (const { job, batchId, previewId, traceparent, isStart, kinds } of wishes) {
    const row = rows.find((r) => r.id === previewId);
    const before = orders.length;
    for (const kind of row ? kinds : []) {
      const tries = calls.filter(
        (c) => c.previewId === previewId && c.kind === kind && c.generation === row?.generation,
      );
      const isSettled = tries.some((c) => c.status === 'answered' || c.status === 'sent');
      const isTwice = orders.some((order) => order.previewId === previewId && order.kind === kind);
      if (!row || isSettled || isTwice) continue;
      orders.push({
        workspaceId: row.workspaceId,
        batchId,
        previewId,
        kind,
        job,
        traceparent,
        isStart,
        generation: row.generation,
        round: row.round,
        fairTag: row.fairTag ?? 0,
        attempt: tries.length + 1,
        counted: stock[kind].isLimited,
        probe: stock[kind].isFailing,
      });
    }
    if (orders.length === before) await settlePreview(deps, lock, { batchId, previewId, closed: [] });
  }
  return orders;
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

async function markRunning(tx: Tx, orders: readonly PlacedOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await markAllRunning(tx).execute({ previewIds: orders.map((order) => order.previewId) });
}

/** Returns when a claim may succeed because a slot opens or a pause ends. */
function nextSlot(stock: LockedSlots): { waitMs?: number } {
  const waits = CALL_KINDS.flatMap((kind) => (stock[kind].free === 0 ? (stock[kind].waitMs ?? []) : []));
  return waits.length > 0 ? { waitMs: Math.min(...waits) } : {};
}
