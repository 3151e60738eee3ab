import { setTimeout as sleep } from 'node:timers/promises';
import { setLimit } from '../ai-calls/set-limit.ts';
import type { Log } from '../lib/log.ts';
import { type Meter, noMeter } from '../lib/meter.ts';
import { noTracing, type Tracing } from '../lib/tracing.ts';
import { CANCEL_CHANNEL } from '../pipeline/notify-cancel.ts';
import { rescueWork } from '../pipeline/rescue-work.ts';
import { createAnswerSettler } from '../pipeline/settle-answer.ts';
import { WAKE_CHANNEL } from '../queue/queue.ts';
import { Stopping } from '../queue/run-job.ts';
import { createAlternativesKeeper } from '../steps/keep-alternatives.ts';
import { scheduleHousekeeping } from '../workers/claim-housekeeping.ts';
import type { Settings } from './config.ts';
import type { Adapters } from './create-adapters.ts';
import { createInFlightJobs } from './in-flight-jobs.ts';
import { JOB_KINDS, type JobContext } from './job-kinds.ts';
import type { Runtime } from './open-runtime.ts';
import { startHeartbeat } from './start-heartbeat.ts';
import { startJobKind } from './start-job-kind.ts';

/** Time for stopped jobs to notice the stop. */
const ABORT_MS = 2000;

/** A running worker. */
export interface RunningWorker {
  /**
   * Stops claiming, lets jobs finish for `graceMs`, then ends and requeues the rest, so that
   * another worker or the next start continues with them at once.
   */
  stop(graceMs: number): Promise<void>;
}

/** Starts a worker: it claims jobs, sends heartbeats, and rescues the work of dead workers. */
export async function startWorker(
  { url, database, queue }: Runtime,
  adapters: Adapters,
  settings: Settings,
  { log, meter = noMeter, tracing = noTracing }: { log: Log; meter?: Meter; tracing?: Tracing },
): Promise<RunningWorker> {
  const features = { orm: database.orm, transact: database.transact, queue, log };
  const { replaced } = await setLimit(features, settings.PREVIEW_RATE_LIMIT);
  if (replaced !== undefined) {
    const rates = { before: replaced, now: settings.PREVIEW_RATE_LIMIT };
    log.warn(rates, 'the rate limit was replaced: the newest worker sets it for all');
  }
  const stopping = new AbortController();
  await scheduleHousekeeping(features);
  const inFlight = createInFlightJobs(stopping.signal);
  const worker = await startHeartbeat(
    { url, database, queue },
    {
      inFlightIds: inFlight.ids,
      providerWaitMs: settings.PROVIDER_WAIT,
      capacity: settings.WORKER_CONCURRENCY,
    },
    log,
  );
  const alternatives = createAlternativesKeeper(
    { ...features, copyImages: adapters.pages.copyImages },
    stopping.signal,
  );
  const context: JobContext = {
    deps: {
      ...features,
      ...adapters,
      alternatives,
      answers: createAnswerSettler(features),
      aiTimeoutMs: settings.AI_TIMEOUT,
      retention: { batchesMs: settings.KEEP_BATCHES, callsMs: settings.KEEP_CALLS },
    },
    worker,
    previewsAtOnce: settings.WORKER_CONCURRENCY,
    providers: {
      text: { provider: adapters.copyGenerator.provider, model: adapters.copyGenerator.model },
      image: { provider: adapters.backgroundGenerator.provider, model: adapters.backgroundGenerator.model },
    },
  };
  const observers = { log, meter, tracing };
  const kinds = Object.entries(JOB_KINDS).map(([name, kind]) => ({
    jobs: kind.jobs,
    ...startJobKind(name, kind, { context, inFlight, observers }),
  }));
  const pollers = kinds.map(({ poller }) => poller);
  const pollerOf = new Map(kinds.flatMap(({ jobs, poller }) => jobs.map((job) => [job as string, poller])));

  // After a reconnect, look for jobs whose notification was missed.
  await database.listen(
    { [WAKE_CHANNEL]: (job) => pollerOf.get(job)?.wake(), [CANCEL_CHANNEL]: inFlight.cancel },
    () => {
      for (const poller of pollers) poller.wake();
    },
  );

  return {
    async stop(graceMs) {
      await Promise.all(pollers.map((poller) => poller.stop()));
      const idle = Promise.all(pollers.map((poller) => poller.idle())).then(() => alternatives.idle());
      await Promise.race([idle, sleep(graceMs, undefined, { ref: false })]);
      const releases = kinds.map((kind) => kind.releaseLater());
      stopping.abort(new Stopping());
      await Promise.race([idle, sleep(ABORT_MS, undefined, { ref: false })]);
      try {
        const rescued = await rescueWork(features, worker.id);
        const counts = await Promise.all(releases.map((release) => release()));
        const requeued = { ...rescued, deliveries: counts.reduce((sum, count) => sum + count, 0) };
        if (requeued.calls + requeued.pages + requeued.deliveries > 0)
          log.warn(requeued, 'stopped with work in progress; it was requeued');
      } finally {
        await worker.stop();
      }
    },
  };
}
