import { afterEach, expect, test } from 'vitest';
import type { AiScript } from '../fakes/fake-ai.ts';
import { chooseSeed, createRandomInt } from '../support/choose-seed.ts';
import { expectSound } from '../support/expect-sound.ts';
import type { Program } from '../support/program.ts';
import { startWorld, type World } from '../support/start-world.ts';

const RATE = 10;
/** Previews in each phase. */
const PREVIEWS = 20;
/** The number of workers in each phase, and how many of them are killed. */
const PHASES = [
  { workers: 1, deaths: 1 },
  { workers: 2, deaths: 1 },
  { workers: 4, deaths: 2 },
  { workers: 8, deaths: 3 },
];

let world: World;
afterEach(() => world.end());

/** A provider with various failures, but never five bad answers in a row. */
const respondRandomly: AiScript = (index) => {
  if (index % 17 === 7) return { do: 'hang' };
  if (index % 11 === 4) return { do: 'status', status: 429 };
  if (index % 7 === 3) return { do: 'status', status: 500 };
  return { do: 'ok', delayMs: (index * 53) % 400 };
};

test('the provider never sees more than the limit in any window, whatever workers start, stop, stall or retry', {
  timeout: 540_000,
}, async () => {
  const randomInt = createRandomInt(chooseSeed());
  world = await startWorld({
    ai: { script: respondRandomly },
    env: { PREVIEW_RATE_LIMIT: `${RATE}/s`, AI_TIMEOUT: '4s', DATABASE_POOL: '5' },
  });
  const rest = await world.connect(await world.start('api'));
  const workers: Program[] = [];
  const isFullest = () => [world.ai.worstWindow('text', 1000), world.ai.worstWindow('image', 1000)];
  const seen: string[] = [];
  for (const [phase, { workers: wanted, deaths }] of PHASES.entries()) {
    await startMore(workers, wanted);
    const from = world.ai.calls.length;
    const created = await rest.create(
      [0, 1].map((i) => ({ url: world.shop.productUrl(`limit-${phase}-${i}`), batch_size: PREVIEWS / 2 })),
    );
    const threshold = from + randomInt(4, 10);
    await world.ai.waitFor((calls) => calls.length >= threshold, 30_000);
    const stalled = workers[randomInt(0, workers.length)];
    stalled?.process.kill('SIGSTOP');
    const woken = wakeAfterTwoSeconds(stalled, performance.now());
    // The other workers, if there are any, continue meanwhile.
    for (let death = 0; death < deaths; death += 1) {
      if (wanted > 1) await world.ai.waitFor((calls) => calls.length >= from + 8 + 6 * death, 30_000);
      else await woken;
      const [victim] = workers.splice(randomInt(0, workers.length), 1);
      if (victim) await world.kill(victim);
      await startMore(workers, wanted);
    }
    await woken;
    expect(await rest.follow(created.id, undefined, 90_000)).toMatchObject({
      status: 'done',
      progress: { done: PREVIEWS },
    });
    seen.push(
      `  ${wanted} workers: ${world.ai.calls.length - from} calls, at most ${isFullest().join(' and ')}`,
    );
    for (const fullest of isFullest()) expect(fullest).toBeLessThanOrEqual(RATE);
  }
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  process.stdout.write(`In any second, of ${RATE} allowed\n${seen.join('\n')}\n`);
});

async function startMore(workers: Program[], wanted: number): Promise<void> {
  const missing = Array.from({ length: wanted - workers.length }, () => world.start('worker'));
  workers.push(...(await Promise.all(missing)));
}

/** Stalls a worker for at least two seconds, so that everything that was due then is late. */
async function wakeAfterTwoSeconds(stalled: Program | undefined, since: number): Promise<void> {
  await expect.poll(() => performance.now() - since, { timeout: 30_000 }).toBeGreaterThan(2000);
  stalled?.process.kill('SIGCONT');
}
