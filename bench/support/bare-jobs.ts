/**
 * The baseline of the pipeline: jobs of pg-boss whose handler only sleeps, in a separate schema.
 * Prints the milliseconds from their insertion until all are settled. JOBS, CONCURRENCY and
 * SLEEP_MS set the number of jobs, how many run at once, and the time of each.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PgBoss } from 'pg-boss';

const QUEUE = 'nap';
const jobs = Number(process.env.JOBS);
const sleepMs = Number(process.env.SLEEP_MS);
const boss = new PgBoss({
  connectionString: process.env.DATABASE_URL ?? '',
  schema: 'bench_jobs',
  max: 10,
  supervise: false,
  schedule: false,
});
boss.on('error', (error) => process.stderr.write(`${error}\n`));
await boss.start();
await boss.createQueue(QUEUE);
await boss.deleteAllJobs(QUEUE);

const began = performance.now();
await boss.insert(
  QUEUE,
  Array.from({ length: jobs }, (_, n) => ({ data: { n } })),
);
await boss.work(
  QUEUE,
  {
    localConcurrency: Number(process.env.CONCURRENCY),
    batchSize: 1,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  },
  () => sleep(sleepMs),
);
// Polls rarely, so that polling costs nothing; the end time comes from the jobs themselves.
for (;;) {
  await sleep(250);
  const { rows } = await boss.getDb().executeSql(
    `select count(*)::int as n, extract(epoch from max(completed_on) - min(created_on)) * 1000 as ms
     from bench_jobs.job where name = $1 and state = 'completed'`,
    [QUEUE],
  );
  if (rows[0].n < jobs) continue;
  process.stdout.write(`${JSON.stringify({ ms: Number(rows[0].ms), whole: performance.now() - began })}\n`);
  break;
}
await boss.stop({ graceful: false });
