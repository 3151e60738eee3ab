import { createId } from '../lib/ids.ts';
import { WORKER_LOCK_CLASS } from './worker.ts';

/** A connection of a worker's own: its lock belongs to that session. */
export interface WorkerSession {
  query<R extends object>(text: string, values?: unknown[]): Promise<R[]>;
}

/** A worker as it was entered. */
export interface WorkerIdentity {
  readonly id: string;
  readonly lockKey: number;
}

/** Enters this process as a new worker and takes its lock. `capacity`: the previews that it can have in flight. */
export async function registerWorker(
  session: WorkerSession,
  { capacity }: { capacity: number },
): Promise<WorkerIdentity> {
  const id = createId();
  const [row] = await session.query<{ lock_key: number }>(
    'insert into cta.workers (id, capacity) values ($1, $2) returning lock_key',
    [id, capacity],
  );
  if (!row) throw new Error('the worker could not be entered');
  await session.query(LOCK, [WORKER_LOCK_CLASS, row.lock_key]);
  return { id, lockKey: row.lock_key };
}

/** Takes a worker's lock again, on a session that replaces the one that was lost. */
export async function retakeLock(
  session: { query(text: string, values: unknown[]): Promise<unknown> },
  worker: WorkerIdentity,
) {
  await session.query(LOCK, [WORKER_LOCK_CLASS, worker.lockKey]);
}

const LOCK = 'select pg_advisory_lock($1::int, $2::int)';
