import { type Poller, startPoller } from '../queue/poller.ts';
import { type RunJobDeps, runJob, type TracedWork } from '../queue/run-job.ts';
import type { InFlightJobs } from './in-flight-jobs.ts';
import type { JobContext, JobKind } from './job-kinds.ts';

/** The running jobs of one kind. */
export interface RunningJobKind {
  readonly poller: Poller;
  /** Returns a function that requeues the work that is in flight now. */
  releaseLater(): () => Promise<number>;
}

/** Starts to claim and run jobs of one kind. */
export function startJobKind<W extends TracedWork>(
  name: string,
  kind: JobKind<W>,
  { context, inFlight, observers }: { context: JobContext; inFlight: InFlightJobs; observers: RunJobDeps },
): RunningJobKind {
  const step = kind.step?.(context);
  const running = new Set<W>();

  async function run(work: W): Promise<void> {
    if (!step) return;
    const runStep = () =>
      inFlight.run(kind.idsOf?.(work), (signal) => runJob(observers, step, { work, signal }));
    running.add(work);
    try {
      await (kind.around ? kind.around(context, work, runStep) : runStep());
    } finally {
      running.delete(work);
    }
  }

  const poller = startPoller<W>({
    name,
    capacity: kind.capacity(context),
    pollMs: kind.pollMs,
    log: context.deps.log,
    claim: (free, without) => kind.claim(context, free, without),
    run,
    ...(kind.reserve !== undefined && { reserve: kind.reserve }),
    ...(kind.ownerOf && { ownerOf: kind.ownerOf }),
  });
  return {
    poller,
    releaseLater() {
      const interrupted = [...running];
      return async () => (await kind.release?.(context, interrupted)) ?? 0;
    },
  };
}
