import { createId } from '../lib/ids.ts';
import { WORKER_LOCK_CLASS } from './worker.ts';

/** A connection that belongs to one worker: its session holds the worker's lock. */
export interface WorkerSession {
  query<R extends object>(text: string, values?: unknown[]): Promise<R[]>;
}

/** A registered worker. */
export interface WorkerIdentity {
  readonly id: string;
  readonly lockKey: number;
}

/**
 * Registers this process as a new worker and takes its lock. `capacity` is the number of previews
 * that it can run at the same time.
 */
export async function registerWorker(
  session: WorkerSession,
  { capacity }: { capacity: number },
): Promise<WorkerIdentity> {
  const id = createId();
  const [row] = await session.query<{ lock_key: number }>(
    'insert into cta.workers (id, capacity) values ($1, $2) returning lock_key',
    [id, capacity],
  );
  if (!row) throw new Error('the worker could not be registered');
  await session.query(LOCK, [WORKER_LOCK_CLASS, row.lock_key]);
  return { id, lockKey: row.lock_key };
}

/** Takes a worker's lock again, on a session that replaces a lost one. */
export async function retakeLock(
  session: { query(text: string, values: unknown[]): Promise<unknown> },
  worker: WorkerIdentity,
) {
  await session.query(LOCK, [WORKER_LOCK_CLASS, worker.lockKey]);
}

const LOCK = 'select pg_advisory_lock($1::int, $2::int)';
