import { PgBoss } from 'pg-boss';
import { DatabaseClient } from '../db/connection/database-client.ts';
import { sessionConfig } from '../db/connection/session-config.ts';
import { ensureSchema } from '../db/ensure-schema.ts';
import type { Log } from '../lib/log.ts';
import { pipelined } from '../lib/pipelined.ts';
import { noTracing, type Tracing } from '../lib/tracing.ts';
import { JOB_NAMES, type Job, type JobName, jobCatalogue, type NewJob } from './catalogue.ts';
import { createTransactionDatabase, type QueueTx } from './transaction-database.ts';

/** pg-boss, as higher layers see it: every operation runs in the caller's transaction. */
export interface Queue {
  /**
   * Enqueues jobs. They become visible, and wake the workers, when the caller's transaction
   * commits. With `quietly` nothing wakes the workers: they take the jobs when they next poll.
   */
  enqueue<N extends JobName>(
    tx: QueueTx,
    name: N,
    jobs: readonly NewJob<N>[],
    options?: { readonly quietly?: boolean },
  ): Promise<void>;
  /**
   * Takes up to `limit` jobs, best priority first, and settles them in the same transaction: after
   * its commit, only the rows that the caller marked as running record the work; a rollback leaves
   * the jobs untouched. Drops and logs a payload that does not parse. Leaves the jobs of the owners
   * in `without` in the queue.
   */
  fetch<N extends JobName>(
    tx: QueueTx,
    name: N,
    limit: number,
    options?: { readonly without?: readonly string[] },
  ): Promise<FetchedJobs<N>>;
  /**
   * Returns the names of the jobs that can be taken now, one name per job, in the order in which to
   * take them: highest priority over all of `names` first, at most `limit` jobs of each name. For a
   * caller that cannot take every kind at the moment.
   */
  listDueJobs<N extends JobName>(tx: QueueTx, names: readonly N[], limit: number): Promise<N[]>;
  /** Returns the depth of each queue, for monitoring. Leaves out queues in which no job is due. */
  measure(db: QueueTx): Promise<QueueDepth[]>;
  stop(): Promise<void>;
}

/** The jobs of one name that can be taken now. */
export interface QueueDepth {
  readonly name: JobName;
  readonly jobs: number;
  /** How long the oldest of them has been due. */
  readonly oldestSeconds: number;
}

/** Jobs that were taken. */
export interface FetchedJobs<N extends JobName> {
  readonly jobs: readonly Job<N>[];
  /**
   * Marks the jobs as completed. The caller must call it before its transaction commits. It is
   * separate so that it can be pipelined with the statements that follow.
   */
  complete(): Promise<void>;
}

/**
 * The channel on which a commit that enqueued jobs wakes the workers. The payload is the job's
 * name.
 */
export const WAKE_CHANNEL = 'cta_jobs';

/** pg-boss's own PostgreSQL schema. */
export const QUEUE_SCHEMA = 'cta_jobs';

export interface QueueOptions {
  readonly url: string;
  readonly log: Log;
  /**
   * Whether this process also deletes old jobs. A process that only serves the API leaves that to
   * the workers.
   */
  readonly supervise: boolean;
  /**
   * Adds the current span to the jobs that a traced piece of work enqueues; no tracing if absent.
   */
  readonly tracing?: Pick<Tracing, 'current'>;
}

/** For how long a settled job is kept for inspection. */
const KEEP_COMPLETED_SECONDS = 24 * 60 * 60;
/**
 * How long a job may wait. Longer than any batch takes: a job must not expire while its preview is
 * still queued.
 */
const KEEP_WAITING_SECONDS = 365 * 24 * 60 * 60;

/** Jobs of which at most one may wait; enqueuing another one has no effect. */
const SINGLE: ReadonlySet<JobName> = new Set(['housekeeping']);

const HEADS = `
  select head.name
  from unnest($1::text[]) as queue (name)
  cross join lateral (
    select name, priority, created_on, id from ${QUEUE_SCHEMA}.job
    where name = queue.name and state < 'active' and not blocked and start_after <= now()
    order by priority desc, created_on, id limit $2
  ) as head
  order by head.priority desc, head.created_on, head.id`;

/** Uses only the index of pg-boss's own fetch: reads neither settled jobs nor payloads. */
const DEPTHS = `
  select
    name, count(*)::int as jobs,
    extract(epoch from now() - min(greatest(created_on, start_after)))::float8 as "oldestSeconds"
  from ${QUEUE_SCHEMA}.job
  where name = any($1::text[]) and state < 'active' and not blocked and start_after <= now()
  group by name`;

/** Creates pg-boss's schema and our queues. Idempotent. The caller must hold the migration lock. */
export async function installQueue(options: QueueOptions): Promise<void> {
  const client = new DatabaseClient(sessionConfig(options.url, { isUnlimited: true }));
  try {
    await client.connect();
    await ensureSchema(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
  const boss = makeBoss(options, { migrate: true, supervise: false });
  await boss.start();
  try {
    for (const name of JOB_NAMES) {
      await boss.createQueue(name, {
        policy: SINGLE.has(name) ? 'short' : 'standard',
        deleteAfterSeconds: KEEP_COMPLETED_SECONDS,
        retentionSeconds: KEEP_WAITING_SECONDS,
        // Many previews waiting for slots are normal and must not cause a warning.
        warningQueueSize: 1_000_000,
      });
    }
  } finally {
    await boss.stop({ graceful: false });
  }
}

/** Opens the queue. The database's schema must be up to date. */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  const boss = makeBoss(options, { migrate: false, supervise: options.supervise });
  await boss.start();
  const { tracing = noTracing } = options;
  const inTransaction = createTransactionDatabase();
  return {
    async enqueue(tx, name, jobs, { quietly = false } = {}) {
      if (jobs.length === 0) return;
      const traceparent = tracing.current();
      const rows = jobs.map(({ id, payload, priority, owner, delayMs }) => ({
        ...(id === undefined ? {} : { id }),
        ...(priority === undefined ? {} : { priority }),
        ...(owner === undefined ? {} : { group: { id: owner } }),
        // pg-boss adds a number of seconds to the database's clock; a date would depend on the
        // clock of this machine.
        ...(delayMs === undefined ? {} : { startAfter: String(delayMs / 1000) }),
        data: traceparent === undefined ? payload : { traceparent, ...payload },
      }));
      const db = inTransaction(tx);
      const insert = () => boss.insert(name, rows, { db });
      const wake = () => db.executeSql('select pg_notify($1, $2)', [WAKE_CHANNEL, name]);
      if (quietly) await insert();
      else await pipelined(insert, wake);
    },
    async fetch(tx, name, limit, { without = [] } = {}) {
      const db = inTransaction(tx);
      const fetched = await boss.fetch(name, { batchSize: limit, ignoreGroups: [...without], db });
      const jobs = fetched.flatMap((job) => {
        const payload = jobCatalogue[name].safeParse(job.data);
        if (payload.success) return [{ id: job.id, payload: payload.data as Job<typeof name>['payload'] }];
        options.log.error({ job: job.id, name, err: payload.error }, 'job dropped: invalid payload');
        return [];
      });
      return {
        jobs,
        async complete() {
          if (fetched.length === 0) return;
          const ids = fetched.map((job) => job.id);
          await boss.complete(name, ids, null, { db });
        },
      };
    },
    async listDueJobs(tx, names, limit) {
      // pg-boss takes from one queue at a time. This compares the heads of several, in the order of
      // its own fetch.
      const { rows } = await inTransaction(tx).executeSql(HEADS, [names, limit]);
      return (rows as { name: (typeof names)[number] }[]).map((row) => row.name);
    },
    async measure(db) {
      const { rows } = await inTransaction(db).executeSql(DEPTHS, [JOB_NAMES]);
      return rows as QueueDepth[];
    },
    stop: () => boss.stop({ graceful: false }),
  };
}

function makeBoss(options: QueueOptions, role: { migrate: boolean; supervise: boolean }): PgBoss {
  const boss = new PgBoss({
    ...sessionConfig(options.url, { applicationName: 'cta-batch queue', isUnlimited: true }),
    schema: QUEUE_SCHEMA,
    // pg-boss uses this pool only for its maintenance; jobs are enqueued and taken on the caller's
    // connection.
    max: 2,
    schedule: false,
    createSchema: false,
    ...role,
  });
  boss.on('error', (err) => options.log.warn({ err }, 'queue housekeeping failed; retrying later'));
  boss.on('warning', (warning) => options.log.debug({ warning }, 'queue warning'));
  return boss;
}
