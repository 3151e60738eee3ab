import type { WorkerIdentity, WorkerSession } from './register-worker.ts';

/** Shows that this worker lives. False if it has been taken for dead: enter a new one. */
export async function sendHeartbeat(session: WorkerSession, worker: WorkerIdentity): Promise<boolean> {
  const [row] = await session.query<{ died: boolean }>(
    `update cta.workers set seen_at = clock_timestamp() where id = $1
     returning died_at is not null as died`,
    [worker.id],
  );
  return row !== undefined && !row.died;
}
