import type { WorkerIdentity, WorkerSession } from './register-worker.ts';

/**
 * Records that this worker is alive. Returns false if it was marked as dead: it must then register
 * as a new worker.
 */
export async function sendHeartbeat(session: WorkerSession, worker: WorkerIdentity): Promise<boolean> {
  const [row] = await session.query<{ died: boolean }>(
    `update cta.workers set seen_at = clock_timestamp() where id = $1
     returning died_at is not null as died`,
    [worker.id],
  );
  return row !== undefined && !row.died;
}
