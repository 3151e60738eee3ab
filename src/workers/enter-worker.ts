import type { Session } from '../db/client.ts';
import { createId } from '../lib/ids.ts';
import { WORKER_LOCK_CLASS } from './worker.ts';

/** This process as a worker. Its id changes if it was taken for dead: what it had is then somebody else's. */
export interface WorkerIdentity {
  id: string;
  lockKey: number;
  /** The backend that holds the advisory lock; another one means that the session was lost. */
  backendPid: number;
}

/** Enters a new worker and takes its lock. `session` is a connection of its own, since locks belong to sessions. */
export async function enterWorker(session: Session): Promise<WorkerIdentity> {
  const id = createId();
  const [row] = await session<{ lock_key: number; pid: number }[]>`
    with entered as (insert into cta.workers (id) values (${id}) returning lock_key)
    select lock_key, pg_backend_pid() as pid, pg_advisory_lock(${WORKER_LOCK_CLASS}::int, lock_key) from entered`;
  if (!row) throw new Error('the worker could not be entered');
  return { id, lockKey: row.lock_key, backendPid: row.pid };
}
