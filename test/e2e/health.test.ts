import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPage } from '../support/find-page.ts';
import { startOwnServer } from '../support/own-server.ts';
import { poll } from '../support/poll.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { startWorld, type World } from '../support/start-world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ ai: { latencyMs: 60_000 } });
});
afterAll(() => world.end());

async function ask(address: string) {
  const response = await fetch(address);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a worker serves its health on its own port, and reports that it is stopping while it finishes work', async () => {
  const worker = await world.start('worker', { HEALTH_PORT: '0', STOP_GRACE: '60s' });
  const api = await world.start('api');
  const ready = findPage(worker, '/readyz');
  const checks = { database: 'ok', schema: 'ok', queue: 'ok' };
  expect(await ask(ready)).toMatchObject({ status: 200, body: { status: 'ready', role: 'worker', checks } });
  expect((await fetch(new URL('/metrics', ready))).status).toBe(404);

  const rest = await world.connect(api);
  await rest.create([{ url: world.shop.productUrl('cup') }]);
  await world.ai.waitForCalls(2);
  worker.process.kill('SIGTERM');
  await worker.said('stopping');
  expect(await ask(ready)).toMatchObject({ status: 503, body: { status: 'stopping' } });
  expect(await ask(ready.replace('/readyz', '/livez'))).toMatchObject({ status: 200 });
  await world.kill(worker);
  await world.stop(api);
});

test('serves the health of API and worker in one process on both ports', async () => {
  const all = await world.start('all', { HEALTH_PORT: '0' });
  for (const address of [`${all.address}/readyz`, findPage(all, '/readyz')]) {
    expect(await ask(address)).toMatchObject({ status: 200, body: { status: 'ready', role: 'all' } });
  }
  await world.kill(all);
});

test('names a port that is already in use', async () => {
  const api = await world.start('api');
  const { port } = new URL(api.address);
  await expect(world.start('worker', { HEALTH_PORT: port })).rejects.toThrow(
    `HEALTH_PORT ${port} is in use on 127.0.0.1. Set HEALTH_PORT to another port.`,
  );
  await world.stop(api);
});

test('is not ready without the database, and ready again when it is back', async ({ onTestFinished }) => {
  const server = await startOwnServer();
  onTestFinished(() => server.end());
  const api = await startProgram({
    args: ['start', '--role', 'all'],
    env: { DATABASE_URL: server.url, IMAGE_RANKER: 'heuristic' },
  });
  onTestFinished(async () => {
    await api.stop('SIGKILL');
  });
  expect(await ask(`${api.address}/readyz`)).toMatchObject({ status: 200 });
  await server.stop();
  const gone = await poll(
    () => ask(`${api.address}/readyz`),
    ({ body }) => (body.checks as Record<string, string>).database === 'failed',
  );
  expect(gone).toMatchObject({ status: 503, body: { status: 'not_ready' } });
  expect(gone.body.checks).toEqual({ database: 'failed', schema: 'unknown', queue: 'failed' });
  await server.start();
  await poll(
    () => ask(`${api.address}/readyz`),
    ({ status }) => status === 200,
  );
});

test('shows the package version in the command line, the health, the metrics and the API document', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const { stdout } = await runProgram({ args: ['--version'] });
  expect(stdout.trim().split(' ')[0]).toBe(version);
  const api = await world.start('api', { METRICS_PORT: '0' });
  expect(await ask(`${api.address}/livez`)).toMatchObject({ body: { version } });
  expect(await ask(`${api.address}/openapi.json`)).toMatchObject({ body: { info: { version } } });
  const metrics = await (await fetch(findPage(api, '/metrics'))).text();
  expect(metrics).toContain(`cta_batch_build_info{version="${version}",`);
  await world.stop(api);
});
