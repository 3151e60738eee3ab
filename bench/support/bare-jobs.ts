/**
 * The yardstick of the pipeline: jobs of pg-boss whose handler only sleeps, in a schema of their own. Prints the
 * milliseconds from their insert until all are settled. JOBS, CONCURRENCY and SLEEP_MS say how many and how long.
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
// Asked for seldom, so that the asking costs nothing: the end is read from the jobs.
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
