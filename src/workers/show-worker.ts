import type { Session } from '../db/client.ts';
import type { WorkerIdentity } from './enter-worker.ts';
import { WORKER_LOCK_CLASS } from './worker.ts';

/**
 * Shows that this worker lives, and takes its lock again if the session was lost. False if it has been taken for
 * dead in the meantime: enter a new one.
 */
export async function showWorker(session: Session, worker: WorkerIdentity): Promise<boolean> {
  const [row] = await session<{ died: boolean; pid: number }[]>`
    update cta.workers set seen_at = clock_timestamp() where id = ${worker.id}
    returning died_at is not null as died, pg_backend_pid() as pid`;
  if (!row || row.died) return false;
  if (row.pid !== worker.backendPid) {
    await session`select pg_advisory_lock(${WORKER_LOCK_CLASS}::int, ${worker.lockKey}::int)`;
    worker.backendPid = row.pid;
  }
  return true;
}
