import { setTimeout as sleep } from 'node:timers/promises';
import { type SQL, sql } from 'drizzle-orm';
import { CALL_KINDS } from '../ai-calls/ai-call.ts';
import { deleteOrphans, orphans } from '../assets/delete-orphans.ts';
import type { Executor, Orm, Tx } from '../db/client.ts';
import { PREVIEW_JOBS } from '../queue/catalogue.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { deleteWaitingJobs, waitingJobs } from '../queue/waiting-jobs.ts';
import { requeueSource } from '../sources/requeue-source.ts';
import { requeueDelivery } from '../webhooks/requeue-delivery.ts';
import { findDeadWorkers } from '../workers/find-dead-workers.ts';
import { GRACE_MS } from '../workers/worker.ts';
import { finishBatch } from './finish-batch.ts';
import { type BatchLock, lockBatches } from './lock-batches.ts';
import { refreshUsage } from './refresh-usage.ts';
import { rescueForgotten, rescueWork } from './rescue-work.ts';
import { settleSafely } from './settle-safely.ts';

/** A row (or job) that breaks an invariant; `batchId` if it belongs to a batch. */
export interface BrokenRow {
  readonly id: string;
  readonly batchId: string | null;
}

/** A rule that is true at every moment, checked by one statement, also while workers run. */
export interface Invariant {
  readonly name: string;
  /** The rule, as a sentence: "every page that waits has its job". */
  readonly holds: string;
  /** Whether a running worker repairs it without help. If not, a broken row is a fault. */
  readonly repairsItself: boolean;
  /** Returns up to `FOUND_AT_MOST` rows that break the rule. */
  find(orm: Orm): Promise<BrokenRow[]>;
  /**
   * Repairs the given rows that still break the rule; safe while workers run. Absent if a person
   * must decide.
   */
  repair?(deps: FeatureDeps, rows: readonly BrokenRow[]): Promise<void>;
}

/** The most rows that one check returns. */
export const FOUND_AT_MOST = 500;

/** Grace period, so that work in progress is not reported: workers settle it in less time. */
const A_WHILE_AGO = sql`(clock_timestamp() - interval '30 seconds')`;

const pageJobs = waitingJobs(['source.process']);
const previewJobs = waitingJobs(PREVIEW_JOBS);
const deliveryJobs = waitingJobs(['webhook.deliver']);
const isOpen = (preview: SQL) => sql`${preview}.status in ('pending', 'queued', 'running')`;

const lostDeliveries = sql`
  select d.id, null as batch_id from cta.webhook_deliveries d
  where d.status = 'pending'
    and not exists (select 1 from (${deliveryJobs}) j where j.payload ->> 'deliveryId' = d.id::text)`;

/** All invariants, for `doctor`. Those of the limit are in `ai-calls/get-limits`. */
export const INVARIANTS: readonly Invariant[] = [
  ofBatches({
    name: 'waiting_pages',
    holds: 'every waiting source has its job',
    repairsItself: false,
    broken: sql`
      select s.id, s.batch_id from cta.sources s
      where s.status = 'pending'
        and exists (select 1 from cta.previews p where p.source_id = s.id and ${isOpen(sql`p`)})
        and not exists (select 1 from (${pageJobs}) j where j.payload ->> 'sourceId' = s.id::text)`,
    repair: (deps, tx, row) => requeueSource(deps, tx, { ...row, sourceId: row.id }, 0),
  }),
  ofBatches({
    name: 'waiting_previews',
    holds: 'every preview that waits for its calls has its job',
    repairsItself: false,
    broken: sql`
      select p.id, p.batch_id from cta.previews p
      where p.status = 'queued'
        and not exists (select 1 from (${previewJobs}) j where j.payload ->> 'previewId' = p.id::text)`,
    repair: settle,
  }),
  ofBatches({
    name: 'running_previews',
    holds: 'every running preview has a call in progress',
    repairsItself: true,
    broken: sql`
      select p.id, p.batch_id from cta.previews p
      where p.status = 'running' and p.updated_at < ${A_WHILE_AGO}
        and not exists (
          select 1 from cta.ai_calls c
          where c.preview_id = p.id and (c.status = 'sent' or c.ended_at > ${A_WHILE_AGO})
        )`,
    repair: settle,
  }),
  ofBatches({
    name: 'read_pages',
    holds: 'no preview waits for a source that is already read or has failed',
    repairsItself: false,
    broken: sql`
      select distinct s.id, s.batch_id from cta.sources s join cta.previews p on p.source_id = s.id
      where p.status = 'pending' and s.status in ('done', 'failed')`,
    async repair(deps, tx, row) {
      // Also clears the failure: a constraint allows one only with the status `failed`.
      await tx.execute(sql`
        update cta.sources set status = 'pending', error_code = null, error_message = null, finished_at = null
        where id = ${row.id}`);
      await requeueSource(deps, tx, { ...row, sourceId: row.id }, 0);
    },
  }),
  ofBatches({
    name: 'unfinished_batches',
    holds: 'a batch is finished if all its previews are finished',
    repairsItself: true,
    broken: sql`
      select b.id, b.id as batch_id from cta.batches b
      where b.finished_at is null and b.created_at < ${A_WHILE_AGO}
        and not exists (
          select 1 from cta.previews p
          where p.batch_id = b.id and (${isOpen(sql`p`)} or p.finished_at > ${A_WHILE_AGO})
        )`,
    repair: (deps, tx, row) => finishBatch(deps, tx, row.id),
  }),
  ofBatches({
    name: 'finished_batches',
    holds: 'no finished batch has an unfinished preview',
    repairsItself: false,
    broken: sql`
      select b.id, b.id as batch_id from cta.batches b
      where b.finished_at is not null
        and exists (select 1 from cta.previews p where p.batch_id = b.id and ${isOpen(sql`p`)})`,
    async repair(_, tx, row) {
      await tx.execute(sql`update cta.batches set finished_at = null where id = ${row.id}`);
    },
  }),
  {
    name: 'jobs',
    holds: 'every waiting job has work to do',
    // A worker drops such a job when it takes it.
    repairsItself: true,
    find: findRows(sql`
      select j.id, null as batch_id from (${pageJobs}) j
      where not exists (
        select 1 from cta.sources s where s.id::text = j.payload ->> 'sourceId' and s.status in ('pending', 'running'))
      union all
      select j.id, null from (${previewJobs}) j
      where not exists (
        select 1 from cta.previews p where p.id::text = j.payload ->> 'previewId' and ${isOpen(sql`p`)})`),
    async repair(deps, rows) {
      const ids = rows.map((row) => row.id);
      await deps.transact((tx) => deleteWaitingJobs(tx, ids));
    },
  },
  {
    name: 'waiting_deliveries',
    holds: 'every pending webhook delivery has its job',
    repairsItself: false,
    find: findRows(lostDeliveries),
    async repair(deps, rows) {
      for (const { id } of rows) {
        await deps.transact(async (tx) => {
          // Every change of a delivery locks its row, so none of its jobs comes or goes after this.
          await tx.execute(sql`select 1 from cta.webhook_deliveries where id = ${id} for no key update`);
          const found = await tx.execute(sql`select 1 from (${lostDeliveries}) d where d.id = ${id}`);
          if (found.rows.length > 0) await requeueDelivery(deps, tx, id);
        });
      }
    },
  },
  {
    name: 'work_of_the_dead',
    holds: 'all work in progress belongs to a live worker',
    repairsItself: true,
    find: findWorkOfDeadWorkers,
    async repair(deps, rows) {
      // After an outage, workers need a moment to send a heartbeat.
      await sleep(GRACE_MS);
      const stillDead = new Set((await findWorkOfDeadWorkers(deps.orm)).map((row) => row.id));
      for (const { id } of rows) {
        if (!stillDead.has(id)) continue;
        await rescueWork(deps, id);
        // Also work that it took after it was marked as dead, and work of a worker whose row is
        // gone.
        await rescueForgotten(deps, { workerId: id, inFlightIds: [] });
      }
    },
  },
  ofBatches({
    name: 'usage',
    holds: 'the usage of a preview is at least the usage of its calls on the ledger',
    repairsItself: false,
    broken: sql`
      select p.id, p.batch_id from cta.previews p join cta.ai_calls c on c.preview_id = p.id and c.status <> 'sent'
      where p.status in ('done', 'failed', 'cancelled') and p.updated_at < ${A_WHILE_AGO} and c.ended_at < ${A_WHILE_AGO}
      group by p.id having count(*) > p.usage_calls`,
    repair: (_, tx, row) => refreshUsage(tx, row.id),
  }),
  {
    name: 'orphan_assets',
    holds: 'every stored image belongs to a product, an answer or a prefill',
    // The housekeeping job deletes them once an hour.
    repairsItself: true,
    find: findRows(sql`select o.id, null as batch_id from (${orphans}) o`),
    async repair(deps) {
      await deleteOrphans(deps);
    },
  },
  {
    name: 'lost_backgrounds',
    holds: 'the background of every finished preview is stored',
    repairsItself: false,
    find: findRows(sql`
      select p.id, p.batch_id from cta.previews p join cta.ai_calls c
        on c.preview_id = p.id and c.generation = p.generation and c.kind = 'image' and c.status = 'answered'
      where p.status = 'done' and c.asset_id is null`),
  },
  // Foreign keys that contain the workspace forbid the rest.
  {
    name: 'workspaces',
    holds: 'rows that refer to each other belong to the same workspace',
    repairsItself: false,
    find: findRows(sql`
      select s.id, s.batch_id from cta.sources s join cta.products r on r.id = s.product_id
      where s.workspace_id <> r.workspace_id
      union all
      select p.id, p.batch_id from cta.previews p join cta.product_images i on i.id = p.image_id
      where i.product_id is distinct from p.product_id
      union all
      select p.id, p.batch_id from cta.ai_calls c join cta.previews p on p.id = c.preview_id
      where c.workspace_id <> p.workspace_id
      union all
      select a.id, null from cta.ai_calls c join cta.assets a on a.id = c.asset_id
      where c.workspace_id <> a.workspace_id`),
  },
];

/** An invariant of rows that belong to batches, where each row can be repaired alone. */
function ofBatches({
  broken,
  repair,
  ...rest
}: Pick<Invariant, 'name' | 'holds' | 'repairsItself'> & {
  /** A query that selects `id` and `batch_id`. */
  readonly broken: SQL;
  /** Repairs one row, under the lock of its batch, after a check that it is still broken. */
  repair(deps: FeatureDeps, lock: BatchLock, row: { id: string; batchId: string }): Promise<void>;
}): Invariant {
  const isBroken = async (tx: Tx, id: string) =>
    (await tx.execute(sql`select 1 from (${broken}) broken where broken.id = ${id}`)).rows.length > 0;
  return {
    ...rest,
    find: findRows(broken),
    async repair(deps, rows) {
      for (const { id, batchId } of rows) {
        if (batchId === null) continue;
        await deps.transact(async (tx) => {
          const lock = await lockBatches(tx, [batchId]);
          // It was found without the lock, so another process may have repaired it.
          if (await isBroken(tx, id)) await repair(deps, lock, { id, batchId });
        });
      }
    },
  };
}

/** Makes a check from a query that selects `id` and `batch_id`. */
function findRows(text: SQL): (db: Executor) => Promise<BrokenRow[]> {
  return async (db) => {
    const { rows } = await db.execute<{ id: string; batch_id: string | null }>(
      sql`select * from (${text}) broken limit ${FOUND_AT_MOST}`,
    );
    return rows.map((row) => ({ id: row.id, batchId: row.batch_id }));
  };
}

/** Finds workers that are dead or unknown and still have work under way. */
async function findWorkOfDeadWorkers(orm: Orm): Promise<BrokenRow[]> {
  const dead = `{${(await findDeadWorkers(orm)).join(',')}}`;
  return findRows(sql`
    select w.worker_id as id, null as batch_id from (
      select worker_id from cta.sources where status = 'running'
      union select worker_id from cta.ai_calls where status = 'sent'
    ) w
    where w.worker_id is not null and (
      w.worker_id = any(${dead}::uuid[])
      or not exists (select 1 from cta.workers l where l.id = w.worker_id and l.died_at is null)
    )`)(orm);
}

/**
 * Brings a preview to the state that its calls mean. Enqueues its jobs even if they exist: a second
 * job finds nothing to do.
 */
function settle(deps: FeatureDeps, lock: BatchLock, row: { id: string; batchId: string }): Promise<void> {
  return settleSafely(deps, lock, { previewId: row.id, batchId: row.batchId, closed: CALL_KINDS });
}
