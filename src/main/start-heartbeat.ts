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

/** A gap between two beats from which on this worker may have been cut off itself. */
const LONGEST_GAP_MS = HEARTBEAT_INTERVAL_MS * 3;
/** Beats between two looks for work that was left half done or forgotten. */
const SWEEP_BEATS = 10;
/** Beats between two looks for previews that have waited too long for a provider that fails. */
const EXPIRY_BEATS = 2;

/** The life of this process as a worker. */
export interface Heartbeat {
  /** Its id now; another one after it was taken for dead. */
  readonly id: string;
  stop(): Promise<void>;
}

/**
 * Enters this process as a worker, shows again and again that it lives, and hands on the work of those that died.
 * `held` tells what it works on: ids of calls and sources. A database that is away is waited for. Previews wait for a provider
 * that fails for `providerWaitMs`. `capacity`: the previews that it can have in flight.
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
    // The lock went with the session that was lost.
    onConnect: async (client) => {
      if (entered) await retakeLock(client, entered);
    },
  });
  let worker = await enter();
  // When the database and this process have been there without a gap: whoever was cut off must not take for dead
  // those who were cut off with him. A process that has just started was not.
  let steadySince = Number.NEGATIVE_INFINITY;
  let lastBeat = performance.now();
  let looks = 0;
  let isLiving = true;
  const beats = beat();

  async function enter(): Promise<WorkerIdentity> {
    entered = await registerWorker(session, { capacity });
    return entered;
  }

  /** Nothing but the showing: what takes long while there is much to do must not look like a gap. */
  async function beat(): Promise<void> {
    let looking: Promise<void> | undefined;
    for (; isLiving; await sleep(HEARTBEAT_INTERVAL_MS)) {
      try {
        await show();
      } catch (err) {
        noteFailure(err);
        continue;
      }
      // The first at once, as the worker before may have died; it must start even if that one's work cannot be handed on.
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

  /** Looks after the others' work, and for what was left half done. */
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

  /** Several workers may try: each death is handled once. */
  async function buryDead(): Promise<void> {
    const dead = await findDeadWorkers(database.orm);
    for (const id of dead) {
      try {
        log.warn({ worker: id, ...(await rescueWork(deps, id)) }, 'a worker died; its work goes on');
      } catch (err) {
        if (isUnavailable(err)) throw err;
        // It is tried again with the next beat; until then the others' work is not to wait for it.
        log.error({ worker: id, err }, 'the work of a worker that died could not be handed on');
      }
    }
    // Previews whose answers it had stored were no longer under way anywhere: they are not to wait for the next sweep.
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
