import { setLimit } from '../../src/ai-calls/set-limit.ts';
import { openDatabase } from '../../src/db/client.ts';
import { rescueStuckPreviews } from '../../src/pipeline/rescue-stuck-previews.ts';
import { rescueForgotten } from '../../src/pipeline/rescue-work.ts';
import { openQueue } from '../../src/queue/queue.ts';
import { findDeadWorkers } from '../../src/workers/find-dead-workers.ts';
import { quietLog } from '../../test/support/quiet-log.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../../test/support/seed.ts';
import type { StageDatabase } from './stage-database.ts';

/** Runs a worker's database operations as functions and returns the milliseconds of each. */
export interface Workbench extends AsyncDisposable {
  work(): Promise<{ create: number; claim: number; settle: number; sweep: number }>;
}

/** Opens a workbench on a database, under a limit that counts calls but is never reached. */
export async function openWorkbench({ url, workspaceId }: StageDatabase): Promise<Workbench> {
  const database = openDatabase({ url, poolSize: 5, applicationName: 'bench worker' });
  const queue = await openQueue({ url, log: quietLog, supervise: false });
  await setLimit(database, '100000/h');
  const { orm, transact } = database;
  const limits = { maxSources: 5, maxBatchSize: 10 };
  const db = { orm, deps: { orm, transact, queue, limits } };
  const workerId = await addWorker(db);
  return {
    async work() {
      const create = await time(() => addQueuedBatch(db, workspaceId, [10]));
      const claimed = await time(() => claim(db, workerId, 5));
      const sweep = await time(async () => {
        await rescueStuckPreviews(db.deps);
        await findDeadWorkers(orm);
        await rescueForgotten(db.deps, {
          workerId,
          inFlightIds: claimed.result.map((call) => call.callId),
        });
      });
      const settle = await time(() => finish(db, claimed.result));
      // Finishes the other claims, so that every round starts with the same amount of waiting work.
      await finish(db, await claim(db, workerId, 5));
      return { create: create.ms, claim: claimed.ms, settle: settle.ms, sweep: sweep.ms };
    },
    async [Symbol.asyncDispose]() {
      await queue.stop();
      await database.close();
    },
  };
}

async function time<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const began = performance.now();
  const result = await work();
  return { ms: performance.now() - began, result };
}
