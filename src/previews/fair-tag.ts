import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import { workspaces } from '../db/schema/workspaces.ts';

/*
 * The order over all workspaces is start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair Queuing", 1996) with
 * equal weights. What wants a slot gets a tag: one more than the workspace's last that waits or has started, but none
 * smaller than the one that is starting now. Smaller tags go first. So a newcomer starts within one round of those that
 * wait, and one that comes again and again gets one turn a round. A job's priority is its tag, negated.
 */

/** The tag of a workspace's next preview; one after it is the tag of the one after it. */
export async function nextFairTag(tx: Tx, workspaceId: string): Promise<number> {
  // Locked, so that two pages of the workspace do not get the same tags.
  await tx
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.id, workspaceId))
    .for('no key update');
  // From the rows that wait now: what was cancelled or deleted leaves no debt.
  const [row] = await tx
    .select({
      tag: sql<number>`greatest(
        (select max(${callLimits.virtualTag}) from ${callLimits}),
        ${workspaces.lastFairTag} + 1,
        (select max(${previews.fairTag}) + 1 from ${previews}
          where ${previews.workspaceId} = ${workspaceId} and ${previews.status} = 'queued'),
        0)`,
    })
    .from(workspaces)
    .where(eq(workspaces.id, workspaceId));
  return row?.tag ?? 0;
}

/** The tag of a step that is tried again. It takes the workspace's next turn, ahead of its previews that wait. */
export async function takeTurn(tx: Tx, workspaceId: string): Promise<number> {
  const [row] = await tx
    .update(workspaces)
    .set({
      lastFairTag: sql`greatest((select max(${callLimits.virtualTag}) from ${callLimits}), ${workspaces.lastFairTag} + 1)`,
    })
    .where(eq(workspaces.id, workspaceId))
    .returning({ tag: workspaces.lastFairTag });
  return row?.tag ?? 0;
}

/** Notes that previews have started: their workspaces' next turns come after these. */
export async function noteStarts(
  tx: Tx,
  starts: readonly { workspaceId: string; fairTag: number }[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const { workspaceId, fairTag } of starts) {
    last.set(workspaceId, Math.max(fairTag, last.get(workspaceId) ?? 0));
  }
  for (const [workspaceId, fairTag] of [...last].toSorted()) {
    await tx
      .update(workspaces)
      .set({ lastFairTag: sql`greatest(${workspaces.lastFairTag}, ${fairTag}::int)` })
      .where(eq(workspaces.id, workspaceId));
  }
  const newest = Math.max(0, ...last.values());
  await tx
    .update(callLimits)
    .set({ virtualTag: sql`greatest(${callLimits.virtualTag}, ${newest}::int)` })
    .where(sql`${callLimits.virtualTag} < ${newest}::int`);
}
