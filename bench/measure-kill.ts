import type { FakeAi } from '../test/fakes/fake-ai.ts';
import { drawImages } from './support/draw-images.ts';
import type { Report } from './support/figure.ts';
import { postBatch, waitUntilFinished } from './support/make-batches.ts';
import type { BenchOptions } from './support/options.ts';
import { say } from './support/say.ts';
import { openAi, type Stage, startRole } from './support/stage.ts';
import type { StageDatabase } from './support/stage-database.ts';
import { longestGap, median } from './support/statistics.ts';

const AI_MS = 500;
const ROUNDS = 2;
const BATCHES = 2;
const SOURCES = 5;
const SIZE = 8;
/** A low number, so that there is work left when the killed worker is back. */
const CONCURRENCY = 10;

/**
 * Sends SIGKILL during AI calls: to the only worker, which is then restarted at once, and to one of
 * two workers.
 */
export async function measureKill(stage: Stage, _options: BenchOptions): Promise<Report> {
  const alone = [];
  const helped = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    alone.push(await killOnce(stage, `alone-${round}`, { isAlone: true }));
    helped.push(await killOnce(stage, `helped-${round}`, { isAlone: false }));
    say(`kill: next call after ${alone.at(-1)?.nextCall.toFixed(0)} ms`);
  }
  const gap = (what: string, kills: readonly Kill[]) => ({
    what: `${what}: longest time without a finished preview, less one AI call`,
    unit: 'ms',
    value: Math.max(...kills.map((kill) => kill.gap - AI_MS)),
    aim: { of: 'value', is: 'most', bound: 5000 } as const,
  });
  const again = (what: string, kills: readonly Kill[]) => ({
    what: `${what}: from the kill to the first of its calls made again`,
    unit: 'ms',
    value: median(kills.map((kill) => kill.madeAgain)),
  });
  return {
    title: `SIGKILL with calls under way, ${ROUNDS} times (the longest pause is the worst of them)`,
    figures: [
      {
        what: 'the only worker: from the start command to the next AI call',
        unit: 'ms',
        value: median(alone.map((kill) => kill.nextCall)),
        aim: { of: 'value', is: 'most', bound: 3000 },
      },
      gap('the only worker', alone),
      again('the only worker', alone),
      gap('one of two', helped),
      again('one of two', helped),
    ],
    details: { alone, helped },
  };
}

/** All times are in milliseconds. */
interface Kill {
  readonly nextCall: number;
  readonly madeAgain: number;
  readonly gap: number;
  /** Number of calls that were running. */
  readonly underWay: number;
}

async function killOnce(stage: Stage, name: string, { isAlone }: { isAlone: boolean }): Promise<Kill> {
  const database = await stage.addDatabase();
  await using ai = await openAi({ latencyMs: AI_MS });
  const env = {
    AI_BASE_URL: ai.baseUrl,
    AI_API_KEY: 'fake',
    WORKER_CONCURRENCY: String(CONCURRENCY),
  };
  await using api = await startRole(stage, database, 'api', env);
  await using victim = await startRole(stage, database, 'worker', env);
  await using _second = isAlone ? undefined : await startRole(stage, database, 'worker', env);
  const names = Array.from({ length: BATCHES * SOURCES }, (_, i) => `${name}-${i}`);
  await drawImages(stage.shop, names);
  for (let i = 0; i < names.length; i += SOURCES) {
    const sources = names
      .slice(i, i + SOURCES)
      .map((one) => ({ url: stage.shop.productUrl(one), batch_size: SIZE }));
    await postBatch(api.address, database, sources);
  }
  await ai.waitFor((calls) => calls.length >= 40 && ai.inflight() >= CONCURRENCY, 60_000);
  const before = ai.calls.length;
  const pending = new Set(ai.calls.filter((call) => call.outcome === 'pending').map(keyOf));
  const killedAt = performance.now();
  await victim.stop('SIGKILL');
  const startedAt = performance.now();
  await using _back = isAlone ? await startRole(stage, database, 'worker', env) : undefined;
  const isAgain = (call: FakeAi['calls'][number]) => pending.has(keyOf(call));
  await ai.waitFor((calls) => calls.slice(before).some(isAgain), 60_000);
  const later = ai.calls.slice(before);
  await waitUntilFinished(database);
  return {
    nextCall: (later.find((call) => call.at >= startedAt)?.at ?? Number.NaN) - startedAt,
    madeAgain: (later.find(isAgain)?.at ?? Number.NaN) - killedAt,
    gap: longestGap(await readFinished(database)),
    underWay: pending.size,
  };
}

function keyOf(call: FakeAi['calls'][number]): string {
  return `${call.kind} ${call.idempotencyKey}`;
}

async function readFinished({ pool }: StageDatabase): Promise<number[]> {
  const { rows } = await pool.query<{ at: Date }>('select finished_at as at from cta.previews');
  return rows.map(({ at }) => at.getTime());
}
