/*
 * `npm run seed`: fills the workspace "seed" with a batch in each state, and prints a token for it.
 * Uses DATABASE_URL, or else the embedded PostgreSQL of this folder. Pages and AI answers come from
 * the fakes. Do not run it beside a worker: that would process the batches that are to stay
 * pending.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelBatch } from '../src/batches/cancel-batch.ts';
import { createBatch } from '../src/batches/create-batch.ts';
import { getBatch } from '../src/batches/get-batch.ts';
import { closeAll } from '../src/main/close-all.ts';
import { readSettings } from '../src/main/config.ts';
import { createLog } from '../src/main/create-log.ts';
import { openRuntime } from '../src/main/open-runtime.ts';
import { createToken } from '../src/workspaces/create-token.ts';
import { ensureWorkspace } from '../src/workspaces/ensure-workspace.ts';
import { startFakeAi } from '../test/fakes/fake-ai.ts';
import { startFakeShop } from '../test/fakes/fake-shop.ts';

const settings = readSettings(process.env);
const log = createLog('warn', settings);
const shop = await startFakeShop();
const ai = await startFakeAi();
const runtime = await openRuntime(settings, log, { supervise: false });
try {
  const { orm, transact } = runtime.database;
  const limits = { maxSources: settings.MAX_SOURCES, maxBatchSize: settings.MAX_BATCH_SIZE };
  const deps = { orm, transact, queue: runtime.queue, limits };
  const workspaceId = await ensureWorkspace(deps, 'seed');
  const add = (name: string, paths: readonly string[], batchSize = 3) => {
    const sources = paths.map((path) => ({ url: `${shop.origin}${path}`, batchSize }));
    return createBatch(deps, { workspaceId, batch: { name, sources } });
  };

  const toFinish = [
    await add('done', ['/products/red-shoe', '/products/blue-shirt?images=8']),
    await add('done, partly failed', ['/products/green-cup', '/gone']),
    await add('failed', ['/gone', '/article']),
  ];
  const running = await add('running', ['/products/black-lamp', '/hang']);
  await processUntil(async () => {
    const batches = await Promise.all(toFinish.map(({ id }) => getBatch(deps, { workspaceId, id })));
    const { progress } = await getBatch(deps, { workspaceId, id: running.id });
    return batches.every(({ finishedAt }) => finishedAt !== null) && progress.done === 3;
  });
  const { id } = await add('cancelled', ['/products/white-bag']);
  await cancelBatch(deps, { workspaceId, id });
  await add('pending', ['/products/brown-boots']);
  const token = await createToken(deps, { workspaceId });
  process.stdout.write(`The workspace "seed" has six batches. A token for it: ${token}

To look at them, start only the API, because a worker would process the pending ones:
  npm start -- start --role api
`);
} finally {
  await closeAll(runtime.closers, log);
  await Promise.all([shop.close(), ai.close()]);
}

/** Runs a worker until the condition holds, for at most two minutes. */
async function processUntil(condition: () => Promise<boolean>): Promise<void> {
  const worker = spawn(process.execPath, ['src/main/cli.ts', 'start', '--role', 'worker'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: runtime.url,
      LOG_LEVEL: 'error',
      FETCH_ALLOW_HOSTS: shop.host,
      AI_BASE_URL: ai.baseUrl,
      AI_API_KEY: 'fake',
      AI_TEXT_MODEL: 'fake-text',
      AI_IMAGE_MODEL: 'fake-image',
      IMAGE_RANKER: 'heuristic',
      STOP_GRACE: '1s',
    },
  });
  const ended = once(worker, 'exit');
  try {
    const deadline = performance.now() + 120_000;
    while (!(await condition())) {
      if (worker.exitCode !== null) throw new Error('the worker exited; see its messages above');
      if (performance.now() > deadline) throw new Error('the batches did not finish within two minutes');
      await sleep(250);
    }
  } finally {
    worker.kill('SIGTERM');
    await ended;
  }
}
