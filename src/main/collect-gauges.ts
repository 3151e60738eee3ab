import type { Gauges } from '../adapters/telemetry/create-metrics.ts';
import { loadLimiter } from '../ai-calls/load-limiter.ts';
import type { Database } from '../db/client.ts';
import type { Queue } from '../queue/queue.ts';
import { loadCapacity } from '../workers/load-capacity.ts';
import { JOB_KINDS } from './job-kinds.ts';

/**
 * Reads the state of the whole service from the database. Takes three statements, none of which
 * scans the ledger or settled jobs.
 */
export async function collectGauges({
  database,
  queue,
}: {
  database: Pick<Database, 'probeOrm'>;
  queue: Pick<Queue, 'measure'>;
}): Promise<Gauges> {
  const { probeOrm: orm } = database;
  const [depths, limiter, { alive, capacity, running }] = await Promise.all([
    queue.measure(orm),
    loadLimiter(orm),
    loadCapacity(orm),
  ]);
  const stages = Object.values(JOB_KINDS).flatMap(({ stage, jobs: names }) => {
    if (stage === undefined) return [];
    const own = depths.filter((depth) => names.includes(depth.name));
    const jobs = own.reduce((sum, depth) => sum + depth.jobs, 0);
    return [{ stage, jobs, oldestSeconds: Math.max(0, ...own.map((depth) => depth.oldestSeconds)) }];
  });
  const kinds = limiter.kinds.map(({ kind, maxCalls, takenUntil, failing, pausedUntil }) => {
    const taken = takenUntil.length;
    const slots = maxCalls === null ? null : { taken, free: Math.max(maxCalls - taken, 0) };
    return { kind, slots, isOpen: failing !== null, isPaused: pausedUntil !== null };
  });
  return { stages, kinds, workers: { alive, capacity, running } };
}
