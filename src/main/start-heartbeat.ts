import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { sessionConfig } from '../db/connection/session-config.ts';
import { WORK_TIMEOUTS } from '../db/connection/work-timeouts.ts';
import { keepConnection } from '../db/keep-connection.ts';
import { isUnavailable } from '../lib/database-error.ts';
import type { Log } from '../lib/log.ts';
import { expireWaits } from '../pipeline/expire-waits.ts';
import { rescueStuckPreviews } from '../pipeline/rescue-stuck-previews.ts';
import { rescueForgotten, rescueWork } from '../pipeline/rescue-work.ts';
import type { Queue } from '../queue/queue.ts';
import { findDeadWorkers } from '../workers/find-dead-workers.ts';
import { registerWorker, retakeLock, type WorkerIdentity } from '../workers/register-worker.ts';
import { sendHeartbeat } from '../workers/send-heartbeat.ts';
import { GRACE_MS, HEARTBEAT_INTERVAL_MS } from '../workers/worker.ts';

/** After a longer gap between two heartbeats, this worker itself may have been disconnected. */
const MAX_GAP_MS = HEARTBEAT_INTERVAL_MS * 3;
/** One in so many recovery runs looks for stuck or forgotten work. */
const SWEEP_EVERY_CHECKS = 10;
/** One in so many recovery runs looks for previews that waited too long for a failing provider. */
const EXPIRE_EVERY_CHECKS = 2;

/** The registration of this process as a worker. */
export interface Heartbeat {
  /** The current id. It changes if other workers have marked this one dead. */
  readonly id: string;
  stop(): Promise<void>;
}

/**
 * Registers this process as a worker, sends heartbeats, and requeues the work of dead workers.
 * `inFlightIds` returns the ids of the calls and sources that this process works on. Previews wait
 * up to `providerWaitMs` for a failing provider. `capacity` is the number of previews that this
 * process has in flight at most. Heartbeats continue after an outage of the database.
 */
export async function startHeartbeat(
  { url, database, queue }: { url: string; database: Database; queue: Queue },
  {
    inFlightIds,
    providerWaitMs,
    capacity,
  }: { inFlightIds: () => string[]; providerWaitMs: number; capacity: number },
  log: Log,
): Promise<Heartbeat> {
  const deps = { orm: database.orm, transact: database.transact, queue };
  let registered: WorkerIdentity | undefined;
  const session = await keepConnection({
    config: sessionConfig(url, { ...WORK_TIMEOUTS, applicationName: 'cta-batch worker' }),
    // The lock was lost with the previous connection.
    onConnect: async (client) => {
      if (registered) await retakeLock(client, registered);
    },
  });
  let worker = await register();
  // Since when the database and this process have been connected without a gap. After an outage
  // that other workers may have shared, they need a grace period before they count as dead. A
  // process that has just started was in no outage.
  let connectedSince = Number.NEGATIVE_INFINITY;
  let lastTickAt = performance.now();
  let checkCount = 0;
  let isRunning = true;
  const loop = runLoop();

  async function register(): Promise<WorkerIdentity> {
    registered = await registerWorker(session, { capacity });
    return registered;
  }

  /** Waits only for heartbeats, not for recovery: a long recovery must not cause a gap. */
  async function runLoop(): Promise<void> {
    let checking: Promise<void> | undefined;
    for (; isRunning; await sleep(HEARTBEAT_INTERVAL_MS)) {
      try {
        await sendTick();
      } catch (err) {
        handleFailure(err);
        continue;
      }
      // The first recovery runs at once, because the previous worker may have died. Its errors are
      // only logged: this worker must start even if the work of the dead one cannot be requeued.
      checking ??= check()
        .catch(handleFailure)
        .finally(() => {
          checking = undefined;
        });
    }
    await checking;
  }

  function handleFailure(err: unknown): void {
    if (isUnavailable(err)) connectedSince = Number.POSITIVE_INFINITY;
    log.warn({ err }, 'heartbeat failed; retrying');
  }

  /** Rescues the work of dead workers, and work that is stuck or forgotten. */
  async function check(): Promise<void> {
    const index = checkCount;
    checkCount += 1;
    if (performance.now() - connectedSince >= GRACE_MS) await rescueDeadWorkers();
    if (index % EXPIRE_EVERY_CHECKS === 0) await expireOldWaits();
    if (index % SWEEP_EVERY_CHECKS === 0) await sweep();
  }

  async function sendTick(): Promise<void> {
    if (!(await sendHeartbeat(session, worker))) {
      log.warn({ worker: worker.id }, 'this worker was marked dead; it continues under a new id');
      worker = await register();
    }
    const now = performance.now();
    if (now - lastTickAt > MAX_GAP_MS || connectedSince > now) connectedSince = now;
    lastTickAt = now;
  }

  /** Several workers may do this at the same time; each death is handled once. */
  async function rescueDeadWorkers(): Promise<void> {
    const dead = await findDeadWorkers(database.orm);
    for (const id of dead) {
      try {
        log.warn({ worker: id, ...(await rescueWork(deps, id)) }, 'a worker died; its work was requeued');
      } catch (err) {
        if (isUnavailable(err)) throw err;
        // The next heartbeat retries it. Until then, the work of other dead workers must not wait
        // for it.
        log.error({ worker: id, err }, 'the work of a dead worker could not be requeued; retrying');
      }
    }
    // Previews whose answers the dead worker had stored belong to no running call; do not let them
    // wait for the next sweep.
    if (dead.length > 0) await rescueStuckPreviews(deps);
  }

  async function expireOldWaits(): Promise<void> {
    const previews = await expireWaits(deps, { waitMs: providerWaitMs });
    if (previews > 0)
      log.warn({ previews }, 'previews failed: they waited longer than PROVIDER_WAIT for the AI service');
  }

  async function sweep(): Promise<void> {
    const stuck = await rescueStuckPreviews(deps);
    const forgotten = await rescueForgotten(deps, { workerId: worker.id, inFlightIds: inFlightIds() });
    if (forgotten.calls + forgotten.pages > 0)
      log.warn(forgotten, 'claimed work that never started was requeued');
    if (stuck > 0) log.debug({ previews: stuck }, 'stuck previews settled');
  }

  return {
    get id() {
      return worker.id;
    },
    async stop() {
      isRunning = false;
      await loop;
      await session.close();
    },
  };
}
