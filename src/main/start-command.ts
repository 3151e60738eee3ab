import type { Metrics } from '../adapters/telemetry/create-metrics.ts';
import type { Traces } from '../adapters/telemetry/start-traces.ts';
import { findSchemaVersion } from '../db/find-schema-version.ts';
import { readBuildInfo } from '../lib/build-info.ts';
import { createHealth } from '../lib/health.ts';
import { writeCompiled } from '../lib/keep-compiled.ts';
import type { Log } from '../lib/log.ts';
import { noMeter } from '../lib/meter.ts';
import { isSingleExecutable } from '../lib/single-executable.ts';
import { noTracing } from '../lib/tracing.ts';
import { type Closer, closeAll } from './close-all.ts';
import { collectGauges } from './collect-gauges.ts';
import type { Settings } from './config.ts';
import { type Adapters, createAdapters } from './create-adapters.ts';
import { getDefaultToken } from './get-default-token.ts';
import { instrumentAdapters } from './instrument-adapters.ts';
import { JOBS_WITH_STEP } from './job-kinds.ts';
import { openMonitoring } from './open-monitoring.ts';
import { DATA_FOLDER, openRuntime, type Runtime } from './open-runtime.ts';
import { CLOSE_WITHIN_MS, startApi } from './start-api.ts';
import { startWorker } from './start-worker.ts';
import { waitForStopSignal } from './stop-signals.ts';

export type Role = 'all' | 'api' | 'worker';

/** Time for requeuing unfinished work, in addition to the grace period. */
const REQUEUE_MS = 15_000;
/** Time for closing the API itself, in addition to its own delays. */
const MARGIN_MS = 5000;

/**
 * `start`: runs the API, a worker or both until a signal. The exit code is 0 if all work is
 * finished or requeued, and 1 if not: then another worker detects that this one is gone and rescues
 * its work.
 */
export async function runStart(settings: Settings, log: Log, role: Role): Promise<void> {
  const stopSignal = waitForStopSignal();
  const closers: Closer[] = [];
  try {
    const health = createHealth({ role, build: readBuildInfo() });
    void stopSignal.then(health.stop);
    // Monitoring opens before the working parts and closes after them, so that it can report
    // `stopping` until the end.
    const metrics = await createMetricsIfWanted(settings, role);
    const traces = await startTracesIfWanted(settings, role, log);
    // Traces close last, because other parts are traced until they have closed.
    if (traces) closers.push({ name: 'the traces', close: traces.close });
    const observers = { log, meter: metrics?.meter ?? noMeter, tracing: traces?.tracing ?? noTracing };
    const ports = await openMonitoring(settings, { health, metrics }, log);
    closers.push({ name: 'the monitoring ports', close: ports.close });
    // At the same time as the database, because an image decoder takes as long to start.
    const opening = role === 'api' ? undefined : openAdapters(settings, log);
    if (opening) closers.push({ name: 'the page reader', close: opening.close });
    const runtime = await openRuntime(settings, log, {
      supervise: role !== 'api',
      tracing: observers.tracing,
    });
    closers.push(...runtime.closers);
    // The API's port opens before the worker starts: a start that fails because of the port must
    // not have changed the limit for all workers or claimed work.
    health.watch({
      findSchemaVersion: () => findSchemaVersion(runtime.database.probeOrm),
      schemaVersion: runtime.schemaVersion,
      isListening: runtime.database.isListening,
    });
    const api = role === 'worker' ? undefined : await startApi(runtime, settings, { ...observers, health });
    const apiWithinMs = settings.STOP_DELAY + CLOSE_WITHIN_MS + MARGIN_MS;
    if (api) closers.push({ name: 'the API', withinMs: apiWithinMs, close: api.stop });
    metrics?.connect({
      collectGauges: () => collectGauges(runtime),
      countConnections: runtime.database.countConnections,
      countWatchers: () => api?.countWatchers() ?? 0,
    });
    if (opening) {
      // A model may take minutes to download; a stop does not wait for that.
      const adapters = await Promise.race([opening.ready, stopSignal.then(() => undefined)]);
      if (adapters === undefined) return;
      const observed = instrumentAdapters(adapters, observers);
      const worker = await startWorker(runtime, observed, settings, observers);
      const graceMs = settings.STOP_GRACE;
      closers.push({ name: 'the worker', withinMs: graceMs + REQUEUE_MS, close: () => worker.stop(graceMs) });
      logProviders(adapters, settings, log);
    }
    health.start();
    const lines = await describeStart(runtime, { address: api?.address, role, monitoring: ports.lines });
    process.stdout.write(`${lines.join('\n')}\n`);
    writeCompiled();
    log.info({ signal: await stopSignal }, 'stopping');
  } finally {
    await closeAll(closers, log);
  }
  log.info({}, 'stopped');
}

/**
 * Starts opening the adapters. `close` closes them if they are open by then; it does not wait for
 * them.
 */
function openAdapters(settings: Settings, log: Log): { ready: Promise<Adapters>; close(): Promise<void> } {
  let open: Adapters | undefined;
  const ready = createAdapters(settings, log).then((adapters) => {
    open = adapters;
    return adapters;
  });
  // The caller of `ready` gets the error; until then it must not end the program as unhandled.
  ready.catch(() => {});
  return { ready, close: async () => open?.close() };
}

/** Creates metrics if METRICS_PORT is set; otherwise the library is not even loaded. */
async function createMetricsIfWanted(settings: Settings, role: Role): Promise<Metrics | undefined> {
  if (settings.METRICS_PORT === undefined) return undefined;
  const { createMetrics } = await import('../adapters/telemetry/create-metrics.ts');
  return createMetrics({ role, build: readBuildInfo(), jobs: JOBS_WITH_STEP });
}

/** Starts traces if a collector's address is set; otherwise the SDK is not even loaded. */
async function startTracesIfWanted(settings: Settings, role: Role, log: Log): Promise<Traces | undefined> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const { startTraces } = await import('../adapters/telemetry/start-traces.ts');
  return startTraces({ role, build: readBuildInfo() }, log);
}

/**
 * Returns the first lines that a user sees: the address, how to get a token, and a command that
 * creates a batch.
 */
async function describeStart(
  runtime: Runtime,
  { address, role, monitoring }: { address: string | undefined; role: Role; monitoring: readonly string[] },
): Promise<string[]> {
  if (address === undefined) return ['The worker is ready.', ...monitoring];
  const lines = [
    '',
    `  The CTA batch generator is ready at ${address}${role === 'api' ? ' (API only)' : ''}`,
  ];
  let token = '$TOKEN';
  if (runtime.embedded) {
    const stored = await getDefaultToken(runtime.database, DATA_FOLDER);
    token = `$(cat ${stored.path})`;
    lines.push(
      `  Token of the default workspace: ${process.stdout.isTTY ? stored.token : `in ${stored.path}`}`,
    );
  } else {
    const command = isSingleExecutable() ? process.argv[1] : 'npm start -s --';
    lines.push(`  Create a token:  TOKEN=$(${command} token create --workspace NAME)`);
  }
  lines.push(
    '',
    '  Create a batch (insert the address of a product page):',
    `  curl -s ${address}/api/llm-editor/cta/batch/ -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' -d '{"sources":[{"url":"https://shop.example/product","batch_size":3}]}'`,
    '',
    ...monitoring.map((line) => `  ${line}`),
  );
  return lines;
}

/** Logs which services are used, so that nobody mistakes the offline generator for an AI. */
function logProviders(adapters: Adapters, settings: Settings, log: Log): void {
  const { copyGenerator, backgroundGenerator, ranker } = adapters;
  log.info(
    {
      texts: `${copyGenerator.provider} ${copyGenerator.model}`,
      backgrounds: `${backgroundGenerator.provider} ${backgroundGenerator.model}`,
      ranking: ranker.name,
      limit: settings.PREVIEW_RATE_LIMIT,
    },
    copyGenerator.provider === 'offline' || backgroundGenerator.provider === 'offline'
      ? 'AI_API_KEY is not set: using the built-in offline generator'
      : 'the worker is ready',
  );
}
