import { and, inArray, sql } from 'drizzle-orm';
import { CALL_KINDS, type CallKind, createIdempotencyKey } from '../ai-calls/ai-call.ts';
import { type CallMakers, type CallOrder, openCalls } from '../ai-calls/open-calls.ts';
import { type Stock, takeStock } from '../ai-calls/take-stock.ts';
import type { Transact, Tx } from '../db/client.ts';
import { aiCalls, callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import type { Claim } from '../queue/pump.ts';
import type { Queue } from '../queue/queue.ts';
import { lockBatches } from './lock-batches.ts';
import { STEP_JOBS, settlePreview } from './settle-preview.ts';

/** A call to make now: it has its slot and its row on the ledger. */
export interface ClaimedCall {
  readonly callId: string;
  readonly workerId: string;
  readonly workspaceId: string;
  readonly batchId: string;
  readonly previewId: string;
  readonly kind: CallKind;
  readonly idempotencyKey: string;
  /** Whether it takes a slot, so that the moment it leaves matters. */
  readonly counted: boolean;
  /** `performance.now()` shortly before the claim was committed. */
  readonly claimedAt: number;
}

/** A taken job: the steps it wants to make. */
interface Wish {
  readonly batchId: string;
  readonly previewId: string;
  readonly kinds: readonly CallKind[];
}

/**
 * The claim: slots are taken, jobs are taken, previews become `running` and the calls are on the ledger as `sent`,
 * all in one transaction, by the database's clock, one process after another. A start takes one slot of each kind
 * and both calls; a step that is tried again takes one of its kind. Steps come before starts, as they finish what
 * was begun. From the commit on the ledger answers for the calls: their jobs are settled.
 */
export async function claimCalls(
  deps: { transact: Transact; queue: Queue },
  options: { workerId: string; makers: CallMakers; limit: number },
): Promise<Claim<ClaimedCall>> {
  return deps.transact(async (tx) => {
    const stock = await takeStock(tx);
    const claimedAt = performance.now();
    const wishes = await takeWishes(deps, tx, stock, options.limit);
    if (wishes.length === 0) return { work: [], more: false, ...nextSlot(stock) };
    await lockBatches(
      tx,
      wishes.map((wish) => wish.batchId),
    );
    const orders = await placeOrders(deps, tx, wishes, stock);
    const callIds = await openCalls(tx, orders, options);
    await markRunning(tx, orders);
    const work = orders.map((order, i) => ({
      callId: callIds[i] ?? '',
      workerId: options.workerId,
      workspaceId: order.workspaceId,
      batchId: order.batchId,
      previewId: order.previewId,
      kind: order.kind,
      idempotencyKey: createIdempotencyKey(order),
      counted: order.counted,
      claimedAt,
    }));
    return { work, more: true };
  });
}

/** Takes as many jobs as there are free slots of the kinds they need. */
async function takeWishes(
  deps: { queue: Queue },
  tx: Tx,
  stock: Record<CallKind, Stock>,
  limit: number,
): Promise<Wish[]> {
  const free = { text: stock.text.free ?? limit, image: stock.image.free ?? limit };
  const wishes: Wish[] = [];
  const take = async (
    name: (typeof STEP_JOBS)[CallKind] | 'preview.generate',
    kinds: readonly CallKind[],
  ) => {
    const most = Math.min(limit - wishes.length, ...kinds.map((kind) => free[kind]));
    for (const { payload } of await deps.queue.take(tx, name, most)) {
      wishes.push({ ...payload, kinds });
      for (const kind of kinds) free[kind] -= 1;
    }
  };
  await take(STEP_JOBS.text, ['text']);
  await take(STEP_JOBS.image, ['image']);
  await take('preview.generate', CALL_KINDS);
  return wishes;
}

type PlacedOrder = CallOrder & { batchId: string; fairTag: number | null };

/**
 * The calls that are really to be made. A preview that is gone or final, and a step that has an answer by now (a
 * worker that was thought dead may have brought it) or a call under way, want none; such a preview is settled.
 */
async function placeOrders(
  deps: { queue: Queue },
  tx: Tx,
  wishes: readonly Wish[],
  stock: Record<CallKind, Stock>,
): Promise<PlacedOrder[]> {
  const previewIds = wishes.map((wish) => wish.previewId);
  const rows = await tx
    .select({
      id: previews.id,
      workspaceId: previews.workspaceId,
      generation: previews.generation,
      fairTag: previews.fairTag,
    })
    .from(previews)
    .where(and(inArray(previews.id, previewIds), inArray(previews.status, ['queued', 'running'])));
  const calls = await tx
    .select({
      previewId: aiCalls.previewId,
      generation: aiCalls.generation,
      kind: aiCalls.kind,
      status: aiCalls.status,
    })
    .from(aiCalls)
    .where(inArray(aiCalls.previewId, previewIds));
  const orders: PlacedOrder[] = [];
  for (const { batchId, previewId, kinds } of wishes) {
    const row = rows.find((r) => r.id === previewId);
    const placed = row
      ? kinds.flatMap((kind): PlacedOrder[] => {
          const { workspaceId, generation, fairTag } = row;
          const before = calls.filter(
            (c) => c.previewId === previewId && c.kind === kind && c.generation === generation,
          );
          const settled = before.some((c) => c.status === 'answered' || c.status === 'sent');
          const twice = orders.some((o) => o.previewId === previewId && o.kind === kind);
          if (settled || twice) return [];
          const counted = stock[kind].free !== null;
          const attempt = before.length + 1;
          return [{ workspaceId, batchId, previewId, kind, generation, attempt, counted, fairTag }];
        })
      : [];
    if (placed.length === 0) await settlePreview(deps, tx, { batchId, previewId, closed: [] });
    orders.push(...placed);
  }
  return orders;
}

async function markRunning(tx: Tx, orders: readonly PlacedOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await tx
    .update(previews)
    .set({ status: 'running', updatedAt: sql`clock_timestamp()` })
    .where(
      inArray(
        previews.id,
        orders.map((order) => order.previewId),
      ),
    );
  const newestTag = Math.max(0, ...orders.map((order) => order.fairTag ?? 0));
  await tx
    .update(callLimits)
    .set({ virtualTag: sql`greatest(${callLimits.virtualTag}, ${newestTag}::int)` })
    .where(sql`${callLimits.virtualTag} < ${newestTag}::int`);
}

/** When a claim may succeed again because a slot opens or a pause ends. */
function nextSlot(stock: Record<CallKind, Stock>): { waitMs?: number } {
  const waits = CALL_KINDS.flatMap((kind) => (stock[kind].free === 0 ? (stock[kind].waitMs ?? []) : []));
  return waits.length > 0 ? { waitMs: Math.min(...waits) } : {};
}
