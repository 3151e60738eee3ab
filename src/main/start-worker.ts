import { setTimeout as sleep } from 'node:timers/promises';
import { setLimit } from '../ai-calls/set-limit.ts';
import type { Log } from '../lib/log.ts';
import { type Meter, noMeter } from '../lib/meter.ts';
import { noTracing, type Tracing } from '../lib/tracing.ts';
import { type ClaimedCall, claimCalls } from '../pipeline/claim-calls.ts';
import { type ClaimedSource, claimSources } from '../pipeline/claim-sources.ts';
import { CANCEL_CHANNEL } from '../pipeline/notify-cancel.ts';
import { rescueWork } from '../pipeline/rescue-work.ts';
import { createAnswerSettler } from '../pipeline/settle-answer.ts';
import { startBatches } from '../pipeline/start-batches.ts';
import type { JobName } from '../queue/catalogue.ts';
import { type Poller, startPoller } from '../queue/poller.ts';
import { WAKE_CHANNEL } from '../queue/queue.ts';
import { runJob, Stopping } from '../queue/run-job.ts';
import { deliverWebhook } from '../steps/deliver-webhook.ts';
import { generatePreview } from '../steps/generate-preview.ts';
import { createAlternativesKeeper } from '../steps/keep-alternatives.ts';
import { processSource } from '../steps/process-source.ts';
import { runHousekeeping } from '../steps/run-housekeeping.ts';
import { type ClaimedDelivery, claimDeliveries } from '../webhooks/claim-deliveries.ts';
import { handBackDeliveries } from '../webhooks/hand-back-deliveries.ts';
import { claimHousekeeping, scheduleHousekeeping } from '../workers/claim-housekeeping.ts';
import { PAGES_AT_ONCE, PAGES_IN_RESERVE } from '../workers/worker.ts';
import type { Settings } from './config.ts';
import type { Adapters } from './create-adapters.ts';
import { createInFlightJobs } from './in-flight-jobs.ts';
import type { Runtime } from './open-runtime.ts';
import { startHeartbeat } from './start-heartbeat.ts';

/** New jobs send a notification. This is for delayed jobs and lost notifications. */
const POLL_MS = 500;
/** The same for webhook deliveries. A retry has waited for seconds already. */
const WEBHOOK_POLL_MS = 2000;
/** The same for housekeeping, which is due once an hour. */
const HOUSE_POLL_MS = 60_000;
/** Deliveries in flight. A receiver may keep each one waiting until its timeout. */
const WEBHOOKS_AT_ONCE = 20;
/** For workspaces without a delivery in flight while others use all slots above. */
const WEBHOOKS_IN_RESERVE = 20;
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
  const deps = { orm: database.orm, transact: database.transact, queue, log, ...adapters };
  const makers = {
    text: { provider: adapters.writer.provider, model: adapters.writer.model },
    image: { provider: adapters.painter.provider, model: adapters.painter.model },
  };
  const { replaced } = await setLimit(deps, settings.PREVIEW_RATE_LIMIT);
  if (replaced !== undefined) {
    const rates = { before: replaced, now: settings.PREVIEW_RATE_LIMIT };
    log.warn(rates, 'another rate limit was in force; the newest worker decides for all');
  }
  const watching = { log, meter, tracing };
  const stopping = new AbortController();
  await scheduleHousekeeping(deps);
  const held = createInFlightJobs(stopping.signal);
  const life = await startHeartbeat(
    { url, database, queue },
    { held: held.ids, providerWaitMs: settings.PROVIDER_WAIT, capacity: settings.WORKER_CONCURRENCY },
    log,
  );

  const spares = createAlternativesKeeper({ ...deps, copyImages: deps.pages.copyImages }, stopping.signal);
  const sourceStep = processSource({ ...deps, spares });
  const answers = createAnswerSettler(deps);
  const callStep = generatePreview({
    ...deps,
    settleAnswer: answers.settle,
    aiTimeoutMs: settings.AI_TIMEOUT,
  });
  const common = { pollMs: POLL_MS, log };
  const batches = startPoller<never>({
    ...common,
    name: 'batches',
    capacity: 20,
    claim: async (free) => ({ work: [], more: (await startBatches(deps, free)) === free }),
    run: async () => {},
  });
  const sources = startPoller<ClaimedSource>({
    ...common,
    name: 'sources',
    capacity: PAGES_AT_ONCE,
    reserve: PAGES_IN_RESERVE,
    ownerOf: (source) => source.workspaceId,
    claim: (limit, without) => claimSources(deps, { workerId: life.id, limit, without }),
    run: (source) =>
      held.run(source.sourceId, [source.batchId], (signal) =>
        runJob(watching, sourceStep, { work: source, signal }),
      ),
  });
  const calls = startPoller<ClaimedCall>({
    ...common,
    name: 'calls',
    // A preview in flight makes two calls.
    capacity: settings.WORKER_CONCURRENCY * 2,
    async claim(free) {
      const claim = await claimCalls(deps, { workerId: life.id, makers, limit: Math.ceil(free / 2) });
      for (const kind of claim.recovered ?? []) log.info({ kind }, 'the AI service works again');
      return claim;
    },
    run: (call) =>
      answers.run(call, () =>
        held.run(call.callId, [call.previewId, call.batchId], (signal) =>
          runJob(watching, callStep, { work: call, signal }),
        ),
      ),
  });
  const webhookStep = deliverWebhook(deps);
  const sending = new Set<ClaimedDelivery>();
  const webhooks = startPoller<ClaimedDelivery>({
    ...common,
    name: 'webhooks',
    capacity: WEBHOOKS_AT_ONCE,
    reserve: WEBHOOKS_IN_RESERVE,
    ownerOf: (delivery) => delivery.workspaceId,
    claim: (limit, without) => claimDeliveries(deps, { limit, without }),
    run: (delivery) => {
      sending.add(delivery);
      const work = { work: delivery, signal: stopping.signal };
      return runJob(watching, webhookStep, work).finally(() => sending.delete(delivery));
    },
    pollMs: WEBHOOK_POLL_MS,
  });
  const houseStep = runHousekeeping({
    ...deps,
    retention: { batchesMs: settings.KEEP_BATCHES, callsMs: settings.KEEP_CALLS },
  });
  const house = startPoller<object>({
    ...common,
    name: 'housekeeping',
    capacity: 1,
    claim: async () => ({ work: (await claimHousekeeping(deps)) ? [{}] : [], more: false }),
    run: (work) => runJob(watching, houseStep, { work, signal: stopping.signal }),
    pollMs: HOUSE_POLL_MS,
  });
  const pumps: readonly Poller[] = [batches, sources, calls, webhooks, house];
  const pumpOf: Record<JobName, Poller> = {
    'batch.start': batches,
    'source.process': sources,
    'preview.generate': calls,
    'preview.prefill': calls,
    'preview.background': calls,
    'webhook.deliver': webhooks,
    housekeeping: house,
  };

  // After a reconnect, look for jobs whose notification was missed.
  await database.listen(
    { [WAKE_CHANNEL]: (job) => pumpOf[job as JobName]?.wake(), [CANCEL_CHANNEL]: held.cancel },
    () => {
      for (const pump of pumps) pump.wake();
    },
  );

  return {
    async stop(graceMs) {
      await Promise.all(pumps.map((pump) => pump.stop()));
      const idle = Promise.all(pumps.map((pump) => pump.idle())).then(() => spares.idle());
      await Promise.race([idle, sleep(graceMs, undefined, { ref: false })]);
      const cut = [...sending];
      stopping.abort(new Stopping());
      await Promise.race([idle, sleep(ABORT_MS, undefined, { ref: false })]);
      try {
        const recovered = await rescueWork(deps, life.id);
        const handedOn = { ...recovered, deliveries: await handBackDeliveries(deps, cut) };
        if (handedOn.calls + handedOn.pages + handedOn.deliveries > 0)
          log.warn(handedOn, 'stopped with work under way; it is handed on');
      } finally {
        await life.stop();
      }
    },
  };
}
