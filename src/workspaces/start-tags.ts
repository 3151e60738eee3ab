import { and, eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { turns, virtualTimes } from '../db/schema/turns.ts';
import type { FairQueue } from '../db/schema/values.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';

/**
 * The order over all workspaces is start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair
 * Queuing", 1996) with equal weights. Work that wants a slot gets a start tag: one more than the
 * last tag of its workspace that waits or has started, and at least the tag that starts now (the
 * virtual time). Smaller tags start first.
 *
 * So a new workspace starts within one round of those that wait, and a workspace that submits again
 * and again starts once per round. The priority of a job is its tag, negated.
 *
 * Previews and sources are two queues with tags of their own.
 */

const lockRow = prepareOnce((orm) =>
  orm
    .select({ lastTag: turns.lastTag })
    .from(turns)
    .where(
      and(eq(turns.workspaceId, sql.placeholder('workspaceId')), eq(turns.queue, sql.placeholder('queue'))),
    )
    .for('no key update')
    .prepare('lock_turn'),
);

/**
 * Locks the turn of a workspace until the transaction ends, so that its work gets its start tags
 * one after another.
 */
export async function lockTurn(tx: Tx, workspaceId: string, queue: FairQueue): Promise<void> {
  await lockRow(tx).execute({ workspaceId, queue });
}

const virtualTime = sql`(select ${virtualTimes.tag} from ${virtualTimes} where ${virtualTimes.queue} = 'previews')`;

const nextTag = prepareOnce((orm) =>
  orm
    .select({
      // Computed from the rows that wait now, so that canceled or deleted previews do not delay the
      // workspace.
      tag: sql<number>`greatest(
        ${virtualTime},
        ${turns.lastTag} + 1,
        (select max(${previews.startTag}) + 1 from ${previews}
          where ${previews.workspaceId} = ${sql.placeholder('workspaceId')} and ${previews.status} = 'queued'),
        0)`,
    })
    .from(turns)
    .where(and(eq(turns.workspaceId, sql.placeholder('workspaceId')), eq(turns.queue, 'previews')))
    .prepare('next_start_tag'),
);

/**
 * Returns the start tag of a workspace's next preview; later previews take the tags after it. Locks
 * the turn of the workspace until the transaction ends, so that two pages of it do not get the same
 * tags.
 */
export async function nextStartTag(tx: Tx, workspaceId: string): Promise<number> {
  const [, [row]] = await pipelined(
    () => lockTurn(tx, workspaceId, 'previews'),
    () => nextTag(tx).execute({ workspaceId }),
  );
  return requireValue(row, 'the turn of a workspace').tag;
}

/**
 * Assigns start tags to `count` retried steps and returns the first; the others have the tags after
 * it. They take the tags right after the workspace's last start, even if queued previews have the
 * same tags, so retries do not wait for all of those.
 */
export async function assignStartTags(tx: Tx, workspaceId: string, count: number): Promise<number> {
  const [row] = await tx
    .update(turns)
    .set({ lastTag: sql`greatest(${virtualTime}, ${turns.lastTag} + 1) + ${count}::int - 1` })
    .where(and(eq(turns.workspaceId, workspaceId), eq(turns.queue, 'previews')))
    .returning({ lastTag: turns.lastTag });
  return requireValue(row, 'the turn of a workspace').lastTag - count + 1;
}

/**
 * Records that work has started, so that the next start tags of its workspaces come after these.
 */
export async function recordStarts(
  tx: Tx,
  queue: FairQueue,
  starts: readonly { workspaceId: string; startTag: number | null }[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const { workspaceId, startTag } of starts) {
    last.set(workspaceId, Math.max(startTag ?? 0, last.get(workspaceId) ?? 0));
  }
  if (last.size === 0) return;
  const virtualTime = Math.max(...last.values());
  await pipelined(
    ...[...last].toSorted().map(
      ([workspaceId, startTag]) =>
        () =>
          recordTag(tx).execute({ queue, workspaceId, startTag }),
    ),
    () => recordVirtualTime(tx).execute({ queue, virtualTime }),
  );
}

const recordTag = prepareOnce((orm) =>
  orm
    .update(turns)
    .set({ lastTag: sql`greatest(${turns.lastTag}, ${sql.placeholder('startTag')}::int)` })
    .where(
      and(eq(turns.workspaceId, sql.placeholder('workspaceId')), eq(turns.queue, sql.placeholder('queue'))),
    )
    .prepare('record_start_tag'),
);

const recordVirtualTime = prepareOnce((orm) => {
  const tag = sql`${sql.placeholder('virtualTime')}::int`;
  return orm
    .update(virtualTimes)
    .set({ tag })
    .where(and(eq(virtualTimes.queue, sql.placeholder('queue')), sql`${virtualTimes.tag} < ${tag}`))
    .prepare('record_virtual_time');
});
