import { setTimeout as sleep } from 'node:timers/promises';
import { type AppError, toAppError } from '../lib/app-error.ts';
import { isUnavailable } from '../lib/database-error.ts';
import type { Log } from '../lib/log.ts';
import type { Meter } from '../lib/meter.ts';
import { toSnakeCase } from '../lib/snake-keys.ts';
import type { Span, SpanAttributes, Tracing } from '../lib/tracing.ts';
import type { JobName } from './catalogue.ts';
import type { Outcome } from './outcome.ts';

/** How to process one kind of claimed work, and how to store its failure. */
export interface Step<W> {
  /** Returns the job that led to this work, for logs, metrics and traces. */
  jobOf(work: W): JobName;
  /** Ids for the log line. */
  describe(work: W): Record<string, unknown>;
  /** Does the work. `runJob` passes an error that it throws to `settleFailure`. */
  run(work: W, signal: AbortSignal): Promise<Outcome>;
  /** Stores the failure and returns whether the work will be retried. Must be idempotent. */
  settleFailure(work: W, error: AppError): Promise<Outcome>;
}

/** How long a result is held and its write retried while the database is unavailable. */
const DATABASE_PATIENCE_MS = 5 * 60_000;
const DATABASE_RETRY_MS = 250;

/**
 * Runs one claimed piece of work to its end and logs the outcome once. Never throws: if even the
 * failure cannot be stored, logs that, and `pipeline/rescue-work` finds the work again.
 */
export async function runJob<W extends TracedWork>(
  deps: RunJobDeps,
  step: Step<W>,
  { work, signal }: { readonly work: W; readonly signal: AbortSignal },
): Promise<void> {
  const { traceparent } = work;
  const attributes = nameAttributes(step.describe(work));
  const span = deps.tracing.start(step.jobOf(work), { kind: 'consumer', attributes, traceparent });
  await span.within(() => runInSpan({ ...deps, span }, step, { work, signal }));
}

/** Claimed work, with the span that enqueued its job. */
export interface TracedWork {
  readonly traceparent?: string | undefined;
}

export interface RunJobDeps {
  readonly log: Log;
  readonly meter: Meter;
  readonly tracing: Tracing;
}

async function runInSpan<W>(
  { log, meter, span }: RunJobDeps & { readonly span: Span },
  step: Step<W>,
  { work, signal }: { readonly work: W; readonly signal: AbortSignal },
): Promise<void> {
  const started = performance.now();
  const { traceId } = span;
  const traced = traceId === undefined ? {} : { traceId };
  const job = step.jobOf(work);
  const jobLog = log.child({ job, ...step.describe(work), ...traced });
  const measure = () => performance.now() - started;
  const end = (kind: string, code?: string) => {
    meter.countJob({ job, outcome: kind, seconds: measure() / 1000 });
    span.set({ 'cta.outcome': kind });
    span.end(code);
  };
  let outcome: Outcome;
  try {
    outcome = await attempt(step, work, signal);
  } catch (err) {
    if (signal.reason instanceof Stopping) jobLog.debug({}, 'stopped; the work was requeued');
    else jobLog.error({ err }, 'the result could not be saved; the work will be rescued');
    end('lost', 'lost');
    return;
  }
  end(outcome.kind, 'error' in outcome ? outcome.error.code : undefined);
  const fields = { outcome: outcome.kind, ms: Math.round(measure()) };
  if (outcome.kind === 'done') jobLog.info(fields, 'done');
  else if (outcome.kind === 'dropped') jobLog.info({ ...fields, why: outcome.why }, 'dropped');
  else if (outcome.kind === 'retry') {
    jobLog.info({ ...fields, code: outcome.error.code, delayMs: outcome.delayMs }, 'retrying later');
  } else if (outcome.error.code === 'internal') {
    jobLog.error({ ...fields, code: outcome.error.code, err: outcome.error.cause }, 'failed');
  } else jobLog.warn({ ...fields, code: outcome.error.code }, outcome.error.message);
}

/**
 * Returns `batchId` as `cta.batch_id`, for example. Includes only strings and numbers, as the log
 * does.
 */
function nameAttributes(fields: Record<string, unknown>): SpanAttributes {
  const named = Object.entries(fields).flatMap(([key, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [[`cta.${toSnakeCase(key)}`, value]] : [],
  );
  return Object.fromEntries(named) as SpanAttributes;
}

async function attempt<W>(step: Step<W>, work: W, signal: AbortSignal): Promise<Outcome> {
  try {
    return await step.run(work, signal);
  } catch (error) {
    // The program is stopping: nothing is stored, and the work is requeued as a whole.
    if (signal.reason instanceof Stopping) throw error;
    // A canceled piece of work may end with any error; the reason of the signal is the true cause.
    const failure = toAppError(signal.aborted ? signal.reason : error);
    return await retryThroughOutages(() => step.settleFailure(work, failure), { signal, otherTries: 3 });
  }
}

/**
 * Runs a database write and retries it while the database is unavailable. For results that must not
 * be lost, such as an answer that was paid for. `write` must be idempotent: the first attempt may
 * have committed although its response was lost. Any other error is retried `otherTries` times,
 * with growing pauses.
 */
export async function retryThroughOutages<T>(
  write: () => Promise<T>,
  { signal, otherTries = 0 }: { signal?: AbortSignal; otherTries?: number } = {},
): Promise<T> {
  const giveUpAt = performance.now() + DATABASE_PATIENCE_MS;
  for (let others = 0; ; ) {
    try {
      return await write();
    } catch (error) {
      const unavailable = isUnavailable(error);
      if (!unavailable) others += 1;
      const mayTry = unavailable ? performance.now() < giveUpAt : others <= otherTries;
      if (!mayTry || signal?.aborted) throw error;
      await sleep(unavailable ? DATABASE_RETRY_MS : DATABASE_RETRY_MS * 2 ** others);
    }
  }
}

/** The reason of a signal when the program stops. */
export class Stopping extends Error {
  override readonly name = 'Stopping';
  constructor() {
    super('the program is stopping');
  }
}
