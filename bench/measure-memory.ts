import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure, Report } from './support/figure.ts';
import { postBatch, waitUntilFinished } from './support/make-batches.ts';
import type { BenchOptions } from './support/options.ts';
import { readMemory } from './support/read-memory.ts';
import { say } from './support/say.ts';
import { openAi, type Stage, startRole } from './support/stage.ts';

const REST_MS = 10_000;
const SAMPLE_MS = 250;
const AT_REST = { of: 'value', is: 'most', bound: 250 } as const;

/**
 * Measures the resident memory of each role at rest, and of a process with both roles during and
 * after work.
 */
export async function measureMemory(stage: Stage, _options: BenchOptions): Promise<Report> {
  const database = await stage.addDatabase();
  await using ai = await openAi({ latencyMs: 50 });
  const env = { AI_BASE_URL: ai.baseUrl, AI_API_KEY: 'fake' };
  await using api = await startRole(stage, database, 'api', env);
  await using worker = await startRole(stage, database, 'worker', env);
  say('memory: at rest');
  await sleep(REST_MS);
  const figures: Figure[] = [
    megabytes('API at rest', (await readMemory(api.pid)).own),
    megabytes('worker at rest', (await readMemory(worker.pid)).own),
  ];
  await Promise.all([api.stop(), worker.stop()]);

  await using program = await startRole(stage, database, 'all', env);
  await sleep(REST_MS);
  figures.push({
    ...megabytes('both in one program at rest', (await readMemory(program.pid)).own),
    aim: AT_REST,
  });
  say('memory: at work');
  const work = (async () => {
    for (let batch = 0; batch < 6; batch += 1) {
      const sources = Array.from({ length: 5 }, (_, i) => ({
        url: stage.shop.productUrl(`memory-${batch}-${i}`),
        batch_size: 10,
      }));
      await postBatch(program.address, database, sources);
    }
    await waitUntilFinished(database);
  })();
  const peak = { own: 0, children: 0 };
  let isWorking = true;
  const ended = work.finally(() => {
    isWorking = false;
  });
  while (isWorking) {
    const now = await readMemory(program.pid);
    peak.own = Math.max(peak.own, now.own);
    peak.children = Math.max(peak.children, now.children);
    await Promise.race([sleep(SAMPLE_MS), ended]);
  }
  await ended;
  figures.push(
    megabytes('both in one program, 300 previews, at most', peak.own),
    megabytes('its processes that read pages, together, at most', peak.children),
  );
  await sleep(REST_MS);
  const after = await readMemory(program.pid);
  figures.push(
    megabytes('both in one program, 10 s after', after.own),
    megabytes('its processes that read pages, 10 s after', after.children),
  );
  return { title: 'Resident memory, without PostgreSQL and CLIP', figures };
}

function megabytes(what: string, value: number): Figure {
  return { what, unit: 'MiB', value };
}
