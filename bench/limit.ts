/**
 * Measures the limit as the provider sees it: 50 previews at 20 a minute, with an API and N workers
 * in separate processes. `--kill` kills one of them meanwhile.
 *
 *   npm run bench:limit -- [--workers 2] [--kill]
 *
 * Starts everything itself: an embedded PostgreSQL in a temporary folder, a fake shop, a fake AI
 * service.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openEmbeddedServer } from '../src/db/embedded/embedded-server.ts';
import { startFakeAi } from '../test/fakes/fake-ai.ts';
import { startFakeShop } from '../test/fakes/fake-shop.ts';
import { runProgram, startProgram } from '../test/support/program.ts';

const { values } = parseArgs({
  options: { workers: { type: 'string', default: '2' }, kill: { type: 'boolean', default: false } },
});
const WINDOW_MS = 60_000;
const say = (text: string) => process.stdout.write(`${text}\n`);

const folder = await mkdtemp(join(tmpdir(), 'cta-bench-'));
// If this runs as root, the server runs as another user, who must be able to enter the folder.
await chmod(folder, 0o755);
const server = await openEmbeddedServer({ folder, log: { info: say, warn: say } });
const shop = await startFakeShop();
const ai = await startFakeAi({ latencyMs: 1000, imageLatencyMs: 2000 });
const env = {
  DATABASE_URL: server.url,
  FETCH_ALLOW_HOSTS: shop.host,
  AI_BASE_URL: ai.baseUrl,
  AI_API_KEY: 'fake',
  LOG_LEVEL: 'warn',
};
const token = (await runProgram({ args: ['token', 'create', '--workspace', 'bench'], env })).stdout.trim();
const api = await startProgram({ args: ['start', '--role', 'api'], env });
const workers = await Promise.all(
  Array.from({ length: Number(values.workers) }, () =>
    startProgram({ args: ['start', '--role', 'worker'], env }),
  ),
);

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const root = `${api.address}/api/llm-editor/cta`;
const sources = Array.from({ length: 5 }, (_, i) => ({
  url: shop.productUrl(`product-${i}`),
  batch_size: 10,
}));
const began = performance.now();
const created = await fetch(`${root}/batch/`, { method: 'POST', headers, body: JSON.stringify({ sources }) });
const { id } = (await created.json()) as { id: string };

let sumsRight = true;
let killed = false;
for (let last = ''; ; await sleep(100)) {
  const response = await fetch(`${root}/batch/${id}/`, { headers });
  const batch = (await response.json()) as { status: string; progress: Record<string, number> };
  const { total = 0, ...counts } = batch.progress;
  if (Object.values(counts).reduce((a, b) => a + b, 0) !== total) sumsRight = false;
  const line = Object.entries(counts)
    .map(([name, n]) => `${name} ${n}`)
    .join('  ');
  if (line !== last) say(`${seconds()} s  ${line}`);
  last = line;
  if (values.kill && !killed && (counts.done ?? 0) >= 20 && ai.inflight() >= 5) {
    killed = true;
    workers[0]?.process.kill('SIGKILL');
    say(`${seconds()} s  a worker was killed, ${ai.inflight()} calls under way`);
  }
  if (batch.status !== 'running' && batch.status !== 'pending') break;
}

say('');
say(
  `50 previews, ${workers.length} workers${killed ? ', one killed' : ''}: ${seconds()} s (least possible at 20/m: 120 s)`,
);
for (const kind of ['text', 'image'] as const) {
  const times = ai.calls.filter((call) => call.kind === kind).map((call) => call.at);
  const closest = Math.min(...times.slice(20).map((at, i) => at - (times[i] ?? 0)));
  say(
    `${kind}: ${times.length} calls, at most ${ai.worstWindow(kind, WINDOW_MS)} in any 60 s; ` +
      `the closest 21 within ${(closest / 1000).toFixed(2)} s`,
  );
}
say(`counts added up in every answer: ${sumsRight ? 'yes' : 'NO'}`);

await Promise.all([api, ...workers].map((program) => program.stop()));
await Promise.all([shop.close(), ai.close()]);
await server.stop();
await rm(folder, { recursive: true, force: true });

function seconds(): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}
