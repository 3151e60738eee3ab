import type { CallProviders } from '../ai-calls/open-calls.ts';
import { type ClaimedCall, claimCalls } from '../pipeline/claim-calls.ts';
import { type ClaimedSource, claimSources } from '../pipeline/claim-sources.ts';
import { startBatches } from '../pipeline/start-batches.ts';
import type { JobName } from '../queue/catalogue.ts';
import type { Claim } from '../queue/poller.ts';
import type { Step, TracedWork } from '../queue/run-job.ts';
import { type DeliverWebhookDeps, deliverWebhook } from '../steps/deliver-webhook.ts';
import { type GeneratePreviewDeps, generatePreview } from '../steps/generate-preview.ts';
import { type ProcessSourceDeps, processSource } from '../steps/process-source.ts';
import { type HousekeepingDeps, runHousekeeping } from '../steps/run-housekeeping.ts';
import { type ClaimedDelivery, claimDeliveries } from '../webhooks/claim-deliveries.ts';
import { releaseDeliveries } from '../webhooks/release-deliveries.ts';
import { claimHousekeeping } from '../workers/claim-housekeeping.ts';
import { PAGES_AT_ONCE, PAGES_IN_RESERVE } from '../workers/worker.ts';
import type { JobIds } from './in-flight-jobs.ts';

/** New jobs send a notification. This is for delayed jobs and lost notifications. */
const POLL_MS = 500;
/** The same for webhook deliveries. A retry has waited for seconds already. */
const WEBHOOK_POLL_MS = 2000;
/** The same for housekeeping, which is due once an hour. */
const HOUSEKEEPING_POLL_MS = 60_000;
/** Batches that one claim marks as started. */
const BATCHES_AT_ONCE = 20;
/** Deliveries in flight. A receiver may keep each one waiting until its timeout. */
const WEBHOOKS_AT_ONCE = 20;
/** For workspaces without a delivery in flight while others use all slots above. */
const WEBHOOKS_IN_RESERVE = 20;

/** What the jobs of one worker process share: the dependencies of all claims and steps. */
export interface JobContext {
  readonly deps: ProcessSourceDeps & GeneratePreviewDeps & DeliverWebhookDeps & HousekeepingDeps;
  /** Its id changes if other workers have marked this one dead. */
  readonly worker: { readonly id: string };
  /** The number of previews in flight. */
  readonly previewsAtOnce: number;
  readonly providers: CallProviders;
}

/** How a worker processes one kind of job. `W` is a claimed piece of work. */
export interface JobKind<W extends TracedWork> {
  /** The jobs that wake its poller. Metrics and logs name the one that ran. */
  readonly jobs: readonly JobName[];
  /** The label of its gauges, for monitoring; undefined: no gauge. */
  readonly stage: string | undefined;
  readonly pollMs: number;
  /** The maximum number of pieces of work in flight, without those in `reserve`. */
  capacity(context: JobContext): number;
  /** More pieces for owners with nothing in flight; see `PollerOptions`. */
  readonly reserve?: number;
  ownerOf?(work: W): string;
  claim(context: JobContext, free: number, without: readonly string[]): Promise<Claim<W>>;
  /** Undefined if the claim does all the work. */
  step?(context: JobContext): Step<W>;
  /** The ids whose cancellation aborts the work; see `InFlightJobs.run`. */
  idsOf?(work: W): JobIds;
  /** Runs `run`, which never throws, and does what must be done before and after it. */
  around?(context: JobContext, work: W, run: () => Promise<void>): Promise<void>;
  /**
   * Requeues the work that a stop interrupted, and returns how much. Calls and sources are requeued
   * by owner.
   */
  release?(context: JobContext, interrupted: readonly W[]): Promise<number>;
}

/** Checks an entry by the type of its work, which a poller does not need to know. */
function kind<W extends TracedWork>(entry: JobKind<W>): JobKind<TracedWork> {
  return entry;
}

/**
 * Every kind of job, by the name of its poller. A new kind is added here and in `queue/catalogue`.
 */
export const JOB_KINDS: Readonly<Record<string, JobKind<TracedWork>>> = {
  batches: kind<TracedWork>({
    jobs: ['batch.start'],
    stage: 'batch',
    pollMs: POLL_MS,
    capacity: () => BATCHES_AT_ONCE,
    claim: async ({ deps }, free) => ({ work: [], more: (await startBatches(deps, free)) === free }),
  }),
  sources: kind<ClaimedSource>({
    jobs: ['source.process'],
    stage: 'page',
    pollMs: POLL_MS,
    capacity: () => PAGES_AT_ONCE,
    reserve: PAGES_IN_RESERVE,
    ownerOf: (source) => source.workspaceId,
    claim: ({ deps, worker }, limit, without) => claimSources(deps, { workerId: worker.id, limit, without }),
    step: ({ deps }) => processSource(deps),
    idsOf: (source) => [source.sourceId, source.batchId],
  }),
  calls: kind<ClaimedCall>({
    jobs: ['preview.generate', 'preview.prefill', 'preview.background'],
    stage: 'preview',
    pollMs: POLL_MS,
    // A preview in flight makes two calls.
    capacity: ({ previewsAtOnce }) => previewsAtOnce * 2,
    async claim({ deps, worker, providers }, free) {
      const claim = await claimCalls(deps, { workerId: worker.id, providers, limit: Math.ceil(free / 2) });
      for (const kind of claim.recovered ?? []) deps.log.info({ kind }, 'the AI service works again');
      return claim;
    },
    step: ({ deps }) => generatePreview(deps),
    idsOf: (call) => [call.callId, call.previewId, call.batchId],
    around: ({ deps }, call, run) => deps.answers.run(call, run),
  }),
  webhooks: kind<ClaimedDelivery>({
    jobs: ['webhook.deliver'],
    stage: 'webhook',
    pollMs: WEBHOOK_POLL_MS,
    capacity: () => WEBHOOKS_AT_ONCE,
    reserve: WEBHOOKS_IN_RESERVE,
    ownerOf: (delivery) => delivery.workspaceId,
    claim: ({ deps }, limit, without) => claimDeliveries(deps, { limit, without }),
    step: ({ deps }) => deliverWebhook(deps),
    release: ({ deps }, interrupted) => releaseDeliveries(deps, interrupted),
  }),
  housekeeping: kind<TracedWork>({
    jobs: ['housekeeping'],
    // Once an hour: it needs no gauge.
    stage: undefined,
    pollMs: HOUSEKEEPING_POLL_MS,
    capacity: () => 1,
    claim: async ({ deps }) => ({ work: (await claimHousekeeping(deps)) ? [{}] : [], more: false }),
    step: ({ deps }) => runHousekeeping(deps),
  }),
};

/** The jobs that run a step. */
export const JOBS_WITH_STEP: readonly JobName[] = Object.values(JOB_KINDS).flatMap(({ step, jobs }) =>
  step === undefined ? [] : jobs,
);
