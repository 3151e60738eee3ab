import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { callLimits } from '../db/schema/ai-calls.ts';
import { previews } from '../db/schema/previews.ts';
import { workspaces } from '../db/schema/workspaces.ts';
import { pipelined } from '../lib/pipelined.ts';

/**
 * The order over all workspaces is start-time fair queueing (Goyal, Vin and Cheng, "Start-time Fair
 * Queuing", 1996) with equal weights. Work that wants a slot gets a start tag: one more than the
 * last tag of its workspace that waits or has started, and at least the tag that starts now (the
 * virtual time). Smaller tags start first.
 *
 * So a new workspace starts within one round of those that wait, and a workspace that submits again
 * and again starts once per round. The priority of a job is its tag, negated.
 */

const lockRow = prepareOnce((orm) =>
  orm
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .for('no key update')
    .prepare('lock_turns'),
);

/**
 * Locks the start tags of a workspace until the transaction ends, so that its previews and pages
 * get their tags one after another.
 */
export async function lockStartTags(tx: Tx, workspaceId: string): Promise<void> {
  await lockRow(tx).execute({ workspaceId });
}

const nextTag = prepareOnce((orm) =>
  orm
    .select({
      // Computed from the rows that wait now, so that canceled or deleted previews do not delay the
      // workspace.
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
 * Returns the start tag of a workspace's next preview; later previews take the tags after it. Locks
 * the workspace until the transaction ends, so that two pages of it do not get the same tags.
 */
export async function nextStartTag(tx: Tx, workspaceId: string): Promise<number> {
  const [, [row]] = await pipelined(
    () => lockStartTags(tx, workspaceId),
    () => nextTag(tx).execute({ workspaceId }),
  );
  return row?.tag ?? 0;
}

/**
 * Assigns start tags to `count` retried steps and returns the first; the others have the tags after
 * it. They take the tags right after the workspace's last start, even if queued previews have the
 * same tags, so retries do not wait for all of those.
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

/**
 * Records that previews have started, so that the next start tags of their workspaces come after
 * these.
 */
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
          recordTag(tx).execute({ workspaceId, fairTag }),
    ),
    () => recordNewest(tx).execute({ newest }),
  );
}

const recordTag = prepareOnce((orm) =>
  orm
    .update(workspaces)
    .set({ lastFairTag: sql`greatest(${workspaces.lastFairTag}, ${sql.placeholder('fairTag')}::int)` })
    .where(eq(workspaces.id, sql.placeholder('workspaceId')))
    .prepare('note_fair_tag'),
);

const recordNewest = prepareOnce((orm) => {
  const newest = sql`${sql.placeholder('newest')}::int`;
  return orm
    .update(callLimits)
    .set({ virtualTag: sql`greatest(${callLimits.virtualTag}, ${newest})` })
    .where(sql`${callLimits.virtualTag} < ${newest}`)
    .prepare('note_newest_tag');
});
