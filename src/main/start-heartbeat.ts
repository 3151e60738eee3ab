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

/** After a longer gap between two heartbeats, this worker itself may have been cut off. */
const LONGEST_GAP_MS = HEARTBEAT_INTERVAL_MS * 3;
/** Every so many recovery runs, look for stuck or forgotten work. */
const SWEEP_BEATS = 10;
/**
 * Every so many recovery runs, look for previews that have waited too long for a failing provider.
 */
const EXPIRY_BEATS = 2;

/** The registration of this process as a worker. */
export interface Heartbeat {
  /** The current id. It changes if other workers have marked this one dead. */
  readonly id: string;
  stop(): Promise<void>;
}

/**
 * Registers this process as a worker, sends heartbeats, and requeues the work of dead workers.
 * `held` returns the ids of the calls and sources that this process works on. Previews wait up to
 * `providerWaitMs` for a failing provider. `capacity` is the number of previews that this process
 * has in flight at most. Heartbeats continue after an outage of the database.
 */
export async function startHeartbeat(
  { url, database, queue }: { url: string; database: Database; queue: Queue },
  { held, providerWaitMs, capacity }: { held: () => string[]; providerWaitMs: number; capacity: number },
  log: Log,
): Promise<Heartbeat> {
  const deps = { orm: database.orm, transact: database.transact, queue };
  let entered: WorkerIdentity | undefined;
  const session = await keepConnection({
    config: sessionConfig(url, { ...WORK_TIMEOUTS, applicationName: 'cta-batch worker' }),
    // The lock was lost with the previous connection.
    onConnect: async (client) => {
      if (entered) await retakeLock(client, entered);
    },
  });
  let worker = await enter();
  // Since when the database and this process have been connected without a gap. After an outage
  // that other workers may have shared, they need a grace period before they count as dead. A
  // process that has just started was in no outage.
  let steadySince = Number.NEGATIVE_INFINITY;
  let lastBeat = performance.now();
  let looks = 0;
  let isLiving = true;
  const beats = beat();

  async function enter(): Promise<WorkerIdentity> {
    entered = await registerWorker(session, { capacity });
    return entered;
  }

  /**
   * Sends only heartbeats and lets recovery run beside it: long recovery must not look like a gap.
   */
  async function beat(): Promise<void> {
    let looking: Promise<void> | undefined;
    for (; isLiving; await sleep(HEARTBEAT_INTERVAL_MS)) {
      try {
        await show();
      } catch (err) {
        noteFailure(err);
        continue;
      }
      // The first recovery runs at once, because the previous worker may have died. Its errors are
      // only logged: this worker must start even if that one's work cannot be requeued.
      looking ??= look()
        .catch(noteFailure)
        .finally(() => {
          looking = undefined;
        });
    }
    await looking;
  }

  function noteFailure(err: unknown): void {
    if (isUnavailable(err)) steadySince = Number.POSITIVE_INFINITY;
    log.warn({ err }, 'a beat of this worker failed; trying again');
  }

  /** Rescues the work of dead workers, and work that is stuck or forgotten. */
  async function look(): Promise<void> {
    const n = looks;
    looks += 1;
    if (performance.now() - steadySince >= GRACE_MS) await buryDead();
    if (n % EXPIRY_BEATS === 0) await expire();
    if (n % SWEEP_BEATS === 0) await sweep();
  }

  async function show(): Promise<void> {
    if (!(await sendHeartbeat(session, worker))) {
      log.warn({ worker: worker.id }, 'this worker was taken for dead; it goes on as a new one');
      worker = await enter();
    }
    const now = performance.now();
    if (now - lastBeat > LONGEST_GAP_MS || steadySince > now) steadySince = now;
    lastBeat = now;
  }

  /** Several workers may do this at the same time; each death is handled once. */
  async function buryDead(): Promise<void> {
    const dead = await findDeadWorkers(database.orm);
    for (const id of dead) {
      try {
        log.warn({ worker: id, ...(await rescueWork(deps, id)) }, 'a worker died; its work goes on');
      } catch (err) {
        if (isUnavailable(err)) throw err;
        // The next heartbeat retries it. Until then, the work of other dead workers must not wait
        // for it.
        log.error({ worker: id, err }, 'the work of a worker that died could not be handed on');
      }
    }
    // Previews whose answers the dead worker had stored belong to no running call; do not let them
    // wait for the next sweep.
    if (dead.length > 0) await rescueStuckPreviews(deps);
  }

  async function expire(): Promise<void> {
    const previews = await expireWaits(deps, { waitMs: providerWaitMs });
    if (previews > 0) log.warn({ previews }, 'previews have waited too long for the AI service');
  }

  async function sweep(): Promise<void> {
    const strays = await rescueStuckPreviews(deps);
    const forgotten = await rescueForgotten(deps, { workerId: worker.id, held: held() });
    if (forgotten.calls + forgotten.pages > 0) log.warn(forgotten, 'claimed work that was not begun goes on');
    if (strays > 0) log.debug({ strays }, 'previews were left half done; settled');
  }

  return {
    get id() {
      return worker.id;
    },
    async stop() {
      isLiving = false;
      await beats;
      await session.close();
    },
  };
}
