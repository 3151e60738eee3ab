import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { pipelined } from '../lib/pipelined.ts';

/*
 * The order over all workspaces is start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair Queuing", 1996) with
 * equal weights. What wants a slot gets a tag: one more than the workspace's last that waits or has started, but none
 * smaller than the one that is starting now. Smaller tags go first. So a newcomer starts within one round of those that
 * wait, and one that comes again and again gets one turn a round. A job's priority is its tag, negated.
 */

const lockRow = prepareOnce((orm) =>
  orm
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .for('no key update')
    .prepare('lock_turns'),
);

/** Locks the turns of a workspace until the transaction ends: its previews and pages get their tags one after another. */
export async function lockStartTags(tx: Tx, workspaceId: string): Promise<void> {
  await lockRow(tx).execute({ workspaceId });
}

const nextTag = prepareOnce((orm) =>
  orm
    .select({
      // From the rows that wait now: what was cancelled or deleted leaves no debt.
      tag: sql<number>`greatest(
        (select max(${callLimits.virtualTag}) from ${callLimits}),
        ${workspaces.lastFairTag} + 1,
        (select max(${previews.fairTag}) + 1 from ${previews}
          where ${previews.workspaceId} = ${sql.placeholder('workspaceId')} and ${previews.status} = 'queued'),
        0)`,
    })
    .from(workspaces)
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .prepare('next_fair_tag'),
);

/**
 * The tag of a workspace's next preview; one after it is the tag of the one after it. Locks the workspace until the
 * transaction ends, so that two pages of it do not get the same tags.
 */
export async function nextStartTag(tx: Tx, workspaceId: string): Promise<number> {
  const [, [row]] = await pipelined(
    () => lockStartTags(tx, workspaceId),
    () => nextTag(tx).execute({ workspaceId }),
  );
  return row?.tag ?? 0;
}

/**
 * The tag of the first of `count` steps that are tried again; one after it is the tag of the one after it. They take the
 * workspace's next turns, ahead of its previews that wait.
 */
export async function assignStartTags(tx: Tx, workspaceId: string, count: number): Promise<number> {
  const [row] = await tx
    .update(workspaces)
    .set({
      lastFairTag: sql`greatest((select max(${callLimits.virtualTag}) from ${callLimits}), ${workspaces.lastFairTag} + 1) + ${count}::int - 1`,
    })
    .where(eq(workspaces.id, workspaceId))
    .returning({ lastTag: workspaces.lastFairTag });
  return row ? row.lastTag - count + 1 : 0;
}

/** Notes that previews have started: their workspaces' next turns come after these. */
export async function recordStarts(
  tx: Tx,
  starts: readonly { workspaceId: string; fairTag: number }[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const { workspaceId, fairTag } of starts) {
    last.set(workspaceId, Math.max(fairTag, last.get(workspaceId) ?? 0));
  }
  if (last.size === 0) return;
  const newest = Math.max(...last.values());
  await pipelined(
    ...[...last].toSorted().map(
      ([workspaceId, fairTag]) =>
        () =>
          noteTag(tx).execute({ workspaceId, fairTag }),
    ),
    () => noteNewest(tx).execute({ newest }),
  );
}

const noteTag = prepareOnce((orm) =>
  orm
    .update(workspaces)
    .set({ lastFairTag: sql`greatest(${workspaces.lastFairTag}, ${sql.placeholder('fairTag')}::int)` })
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .prepare('note_fair_tag'),
);

const noteNewest = prepareOnce((orm) => {
  const newest = sql`${sql.placeholder('newest')}::int`;
  return orm
    .update(callLimits)
    .set({ virtualTag: sql`greatest(${callLimits.virtualTag}, ${newest})` })
    .where(sql`${callLimits.virtualTag} < ${newest}`)
    .prepare('note_newest_tag');
});
