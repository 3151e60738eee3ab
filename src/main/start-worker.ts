import { setTimeout as sleep } from 'node:timers/promises';
import { setLimit } from '../ai-calls/set-limit.ts';
import { type ClaimedCall, claimCalls } from '../batches/claim-calls.ts';
import { type ClaimedSource, claimSources } from '../batches/claim-sources.ts';
import { recoverWork, settleStrays } from '../batches/recover-work.ts';
import { startBatches } from '../batches/start-batches.ts';
import { openSession } from '../db/client.ts';
import type { Log } from '../lib/log.ts';
import { type Pump, startPump } from '../queue/pump.ts';
import { WAKE_CHANNEL } from '../queue/queue.ts';
import { runJob, Stopping } from '../queue/run-job.ts';
import { generatePreview } from '../steps/generate-preview.ts';
import { processSource } from '../steps/process-source.ts';
import { findDeadWorkers } from '../workers/find-dead-workers.ts';
import { enterWorker, showWorker } from '../workers/show-worker.ts';
import { BEAT_MS } from '../workers/worker.ts';
import type { Settings } from './config.ts';
import type { Adapters } from './create-adapters.ts';
import type { Foundation } from './open-foundation.ts';

/** Pages read at the same time: each has downloads and decoding of its own, which share two or four cores. */
const PAGES_AT_ONCE = 5;
/** Jobs are announced; this is for delayed ones, and in case an announcement is lost. */
const POLL_MS = 500;
/** Beats between two looks for previews that were left half done. */
const STRAY_BEATS = 20;

/** A worker under way. */
export interface RunningWorker {
  /**
   * Takes nothing more, lets what is under way finish for `graceMs`, then ends the rest and hands it on, so that
   * another worker (or the next start) goes on with it at once.
   */
  stop(graceMs: number): Promise<void>;
}

/** Starts a worker: it takes jobs, shows that it lives, and takes over from workers that died. */
export async function startWorker(
  { url, database, queue }: Foundation,
  adapters: Adapters,
  settings: Settings,
  log: Log,
): Promise<RunningWorker> {
  const deps = { orm: database.orm, transact: database.transact, queue, log, ...adapters };
  const makers = {
    text: { provider: adapters.writer.provider, model: adapters.writer.model },
    image: { provider: adapters.painter.provider, model: adapters.painter.model },
  };
  const { replaced } = await setLimit(deps, settings.PREVIEW_RATE_LIMIT);
  if (replaced !== undefined) {
    const fields = { before: replaced, now: settings.PREVIEW_RATE_LIMIT };
    log.warn(fields, 'another rate limit was in force; the newest worker decides for all');
  }
  const session = openSession({ url, applicationName: 'cta-batch worker' });
  let worker = await enterWorker(session);

  const stopping = new AbortController();
  const sourceStep = processSource(deps);
  const callStep = generatePreview({ ...deps, aiTimeoutMs: settings.AI_TIMEOUT });
  await recover();

  const pumps: Record<string, Pump> = {};
  pumps.batches = startPump<never>({
    name: 'batch.start',
    capacity: 20,
    claim: async (free) => ({ work: [], more: (await startBatches(deps, free)) === free }),
    run: async () => {},
    pollMs: POLL_MS,
    log,
  });
  pumps.sources = startPump<ClaimedSource>({
    name: 'source.process',
    capacity: PAGES_AT_ONCE,
    claim: (limit) => claimSources(deps, { workerId: worker.id, limit }),
    run: (source) => runJob(sourceStep, source, stopping.signal, log),
    pollMs: POLL_MS,
    log,
  });
  pumps.previews = startPump<ClaimedCall>({
    name: 'preview.generate',
    // A preview in flight is two calls.
    capacity: settings.WORKER_CONCURRENCY * 2,
    claim: (free) => claimCalls(deps, { workerId: worker.id, makers, limit: Math.ceil(free / 2) }),
    run: (call) => runJob(callStep, call, stopping.signal, log),
    pollMs: POLL_MS,
    log,
  });
  const wakeAll = () => {
    for (const pump of Object.values(pumps)) pump.wake();
  };
  const wakeFor = (job: string) => {
    if (job === 'batch.start') pumps.batches?.wake();
    else if (job === 'source.process') pumps.sources?.wake();
    else pumps.previews?.wake();
  };
  // After a lost connection the driver listens again; what was announced in between is looked for.
  await database.sql.listen(WAKE_CHANNEL, wakeFor, wakeAll);
  let beating = true;
  const beats = beat();

  /** Takes over from workers that died. Several workers may try: each death is handled once. */
  async function recover(): Promise<void> {
    for (const dead of await findDeadWorkers(database.orm)) {
      const { calls, pages } = await recoverWork(deps, dead);
      log.warn({ worker: dead, calls, pages }, 'a worker died; its work goes on');
    }
  }

  async function beat(): Promise<void> {
    for (let n = 1; beating; n += 1) {
      await sleep(BEAT_MS);
      if (!beating) return;
      try {
        if (!(await showWorker(session, worker))) {
          log.warn({ worker: worker.id }, 'this worker was taken for dead; it goes on as a new one');
          worker = await enterWorker(session);
        }
        await recover();
        if (n % STRAY_BEATS === 0) await settleStrays(deps);
      } catch (err) {
        log.warn({ err }, 'the database did not answer; trying again');
      }
    }
  }

  return {
    async stop(graceMs) {
      await Promise.all(Object.values(pumps).map((pump) => pump.stop()));
      const idle = Promise.all(Object.values(pumps).map((pump) => pump.idle()));
      await Promise.race([idle, sleep(graceMs, undefined, { ref: false })]);
      stopping.abort(new Stopping());
      await Promise.race([idle, sleep(2000, undefined, { ref: false })]);
      beating = false;
      await beats;
      try {
        const { calls, pages } = await recoverWork(deps, worker.id);
        if (calls + pages > 0) log.warn({ calls, pages }, 'stopped with work under way; it is handed on');
      } finally {
        await session.end({ timeout: 2 });
      }
    },
  };
}
