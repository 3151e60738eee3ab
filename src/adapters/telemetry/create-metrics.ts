import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BuildInfo } from '../../lib/build-info.ts';
import type { Meter } from '../../lib/meter.ts';
import { shareResult } from '../../lib/share-result.ts';

/** The state of the whole service in the database. Every process reports the same values. */
export interface Gauges {
  readonly stages: readonly { stage: string; jobs: number; oldestSeconds: number }[];
  readonly kinds: readonly {
    kind: string;
    /** Null if there is no limit. */
    slots: { taken: number; free: number } | null;
    isOpen: boolean;
    isPaused: boolean;
  }[];
  /**
   * The live workers, their total capacity of concurrent previews, and the previews in progress.
   */
  readonly workers: { readonly alive: number; readonly capacity: number; readonly running: number };
}

/** Where metrics are read from when they are requested. */
export interface MetricSources {
  /** Queries the database. Called at most once a second, and never concurrently. */
  collectGauges(): Promise<Gauges>;
  /** Connections of this process. */
  countConnections(): { readonly total: number; readonly idle: number; readonly waiting: number };
  countWatchers(): number;
}

/** The metrics of one program. */
export interface Metrics {
  readonly meter: Meter;
  readonly contentType: string;
  /** Sets the sources. Before this call, their metrics are absent. */
  connect(sources: MetricSources): void;
  /**
   * Returns the metrics in Prometheus' text format. If the database does not respond, its gauges
   * are absent.
   */
  render(): Promise<string>;
}

const GAUGES_TTL_MS = 1000;
const GAUGES_TIMEOUT_MS = 3000;

/** In seconds: reads take some milliseconds, a request that waits for another one some seconds. */
const REQUEST_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** In seconds: an AI call may take three minutes, a page as long as its timeouts. */
const WORK_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 180];

/**
 * Creates the metrics in a registry of their own. Names and units follow the conventions of
 * Prometheus (https://prometheus.io/docs/practices/naming/).
 */
export function createMetrics({
  role,
  build,
  jobs,
}: {
  role: string;
  build: BuildInfo;
  /** The names of all jobs. */
  jobs: readonly string[];
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const { version, commit, node } = build;
  new Gauge({
    name: 'cta_batch_build_info',
    help: 'The running version; always 1.',
    labelNames: ['version', 'commit', 'node', 'role'],
    registers,
  }).set({ version, commit: commit ?? '', node, role }, 1);
  const process = createProcessGauges(registers);
  const shared = createSharedGauges(registers);
  let sources: MetricSources | undefined;
  let take: (() => Promise<Gauges>) | undefined;
  return {
    meter: createMeter(registers, jobs),
    contentType: registry.contentType,
    connect(given) {
      sources = given;
      take = shareResult(given.collectGauges, { ttlMs: GAUGES_TTL_MS, timeoutMs: GAUGES_TIMEOUT_MS });
    },
    async render() {
      if (sources) process.show(sources);
      await shared.show(take);
      return registry.metrics();
    },
  };
}

function createMeter(registers: Registry[], jobNames: readonly string[]): Meter {
  const requests = new Histogram({
    name: 'cta_batch_http_request_duration_seconds',
    help: 'Requests by route, without event streams and health checks.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const jobs = new Histogram({
    name: 'cta_batch_job_duration_seconds',
    help: 'Duration of jobs from their claim, by job (in the label `step`) and outcome.',
    labelNames: ['step', 'outcome'],
    buckets: WORK_BUCKETS,
    registers,
  });
  const calls = new Histogram({
    name: 'cta_batch_provider_call_duration_seconds',
    help: 'AI calls by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    buckets: WORK_BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'cta_batch_provider_errors_total',
    help: 'AI calls without an answer, by error code.',
    labelNames: ['kind', 'code'],
    registers,
  });
  const tokens = new Counter({
    name: 'cta_batch_provider_tokens_total',
    help: 'Tokens by kind and direction, as reported by the AI service.',
    labelNames: ['kind', 'direction'],
    registers,
  });
  const deliveries = new Counter({
    name: 'cta_batch_webhook_deliveries_total',
    help: 'Webhook delivery attempts by result: done, retry, failed (given up), dropped.',
    labelNames: ['outcome'],
    registers,
  });
  // A rare event must have a series before it happens: otherwise its first occurrence would not
  // count as an increase.
  for (const outcome of ['done', 'retry', 'failed', 'dropped']) deliveries.inc({ outcome }, 0);
  for (const step of jobNames) jobs.zero({ step, outcome: 'lost' });
  return {
    countRequest({ method, route, status, seconds }) {
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds);
    },
    countJob({ job, outcome, seconds }) {
      jobs.observe({ step: job, outcome }, seconds);
      if (job === 'webhook.deliver') deliveries.inc({ outcome });
    },
    countCall({ kind, outcome, code, seconds, inputTokens, outputTokens }) {
      calls.observe({ kind, outcome }, seconds);
      if (code !== null) errors.inc({ kind, code });
      if (inputTokens !== null) tokens.inc({ kind, direction: 'input' }, inputTokens);
      if (outputTokens !== null) tokens.inc({ kind, direction: 'output' }, outputTokens);
    },
  };
}

/** Gauges of this process. */
function createProcessGauges(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const total = gauge('cta_batch_database_pool_connections', 'Connections of the pool.');
  const idle = gauge('cta_batch_database_pool_idle_connections', 'Idle connections.');
  const waiting = gauge('cta_batch_database_pool_waiting_requests', 'Requests that wait for a connection.');
  const watchers = gauge('cta_batch_watchers', 'Open event streams.');
  return {
    show(sources: MetricSources): void {
      const counts = sources.countConnections();
      total.set(counts.total);
      idle.set(counts.idle);
      waiting.set(counts.waiting);
      watchers.set(sources.countWatchers());
    },
  };
}

/** Gauges of the whole service, from the database. */
function createSharedGauges(registers: Registry[]) {
  const up = new Gauge({
    name: 'cta_batch_database_up',
    help: 'Whether the metrics of the service could be read from the database.',
    registers,
  });
  const failures = new Counter({
    name: 'cta_batch_database_scrape_errors_total',
    help: 'Failed database queries for these metrics.',
    registers,
  });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const jobs = gauge('cta_batch_queue_jobs', 'Due jobs that wait, by stage.', ['stage']);
  const age = gauge('cta_batch_queue_oldest_age_seconds', 'Age of the oldest due job, by stage.', ['stage']);
  const taken = gauge('cta_batch_slots_taken', 'Taken slots of the limit.', ['kind']);
  const free = gauge('cta_batch_slots_free', 'Free slots of the limit.', ['kind']);
  const open = gauge('cta_batch_breaker_open', 'Whether the breaker is open.', ['kind']);
  const paused = gauge('cta_batch_provider_paused', 'Whether the AI service asked to wait.', ['kind']);
  const workers = gauge('cta_batch_workers', 'Live workers over all processes.', []);
  const capacity = gauge('cta_batch_previews_capacity', 'Previews that all workers can have in flight.', []);
  const running = gauge('cta_batch_previews_running', 'Previews in flight.', []);
  const labelled = [jobs, age, taken, free, open, paused];

  async function read(take: (() => Promise<Gauges>) | undefined): Promise<Gauges | undefined> {
    try {
      return await take?.();
    } catch {
      failures.inc();
      return undefined;
    }
  }

  return {
    /**
     * Sets the gauges. Removes them if they cannot be read: an old value would look like a new one.
     */
    async show(take: (() => Promise<Gauges>) | undefined): Promise<void> {
      const gauges = await read(take);
      // Before there are sources, the state of the database is unknown.
      if (take) up.set(gauges ? 1 : 0);
      else up.remove();
      for (const one of labelled) one.reset();
      for (const one of [workers, capacity, running]) one.remove();
      if (!gauges) return;
      workers.set(gauges.workers.alive);
      capacity.set(gauges.workers.capacity);
      running.set(gauges.workers.running);
      for (const { stage, jobs: count, oldestSeconds } of gauges.stages) {
        jobs.set({ stage }, count);
        age.set({ stage }, oldestSeconds);
      }
      for (const { kind, slots, isOpen, isPaused } of gauges.kinds) {
        if (slots) taken.set({ kind }, slots.taken);
        if (slots) free.set({ kind }, slots.free);
        open.set({ kind }, isOpen ? 1 : 0);
        paused.set({ kind }, isPaused ? 1 : 0);
      }
    },
  };
}
