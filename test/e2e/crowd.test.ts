import { randomInt } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import type { AiCall } from '../fakes/fake-ai.ts';
import { expectSound } from '../support/expect-sound.ts';
import { startWorld, type World } from '../support/start-world.ts';

const BATCHES = 6;
const SOURCES = 5;
const SIZE = 10;
const PREVIEWS = BATCHES * SOURCES * SIZE;

let world: World;
afterEach(() => world.end());

test('three hundred previews, two workers, and three deaths at random moments', {
  timeout: 180_000,
}, async () => {
  world = await startWorld();
  // Answers take 50 to 200 ms.
  world.ai.setScript((index) => ({ do: 'ok', delayMs: 50 + ((index * 37) % 151) }));
  const rest = await world.connect(await world.start('api'));
  const workers = await Promise.all([world.start('worker'), world.start('worker')]);
  const sources = (batch: number) =>
    Array.from({ length: SOURCES }, (_, i) => ({
      url: world.shop.productUrl(`crowd-${batch}-${i}`),
      batch_size: SIZE,
    }));
  const created = await Promise.all(Array.from({ length: BATCHES }, (_, i) => rest.create(sources(i))));
  const kills: number[] = [];
  // By calls, one moment in each part of the work.
  for (const part of [0, 1, 2]) {
    const moment = part * 160 + randomInt(20, 140);
    await world.ai.waitFor((calls) => calls.length >= moment, 60_000);
    const [victim] = workers.splice(randomInt(2), 1);
    if (!victim) throw new Error('there are two');
    kills.push(performance.now());
    await world.kill(victim);
    workers.push(await world.start('worker'));
  }
  const ended = await Promise.all(created.map(({ id }) => rest.follow(id, undefined, 120_000)));
  for (const batch of ended) {
    expect(batch).toMatchObject({ status: 'done', progress: { done: SOURCES * SIZE } });
  }
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  const lines = kills.map((at) => `  ${describePauses(world.ai.calls, at)}`);
  process.stdout.write(
    `${PREVIEWS} previews, ${world.ai.calls.length} calls. After each death:\n${lines.join('\n')}\n`,
  );
});

/** How long after a death its calls were made again, and how long the provider saw no call of anyone. */
function describePauses(calls: readonly AiCall[], killedAt: number): string {
  const again = [...Map.groupBy(calls, (call) => call.idempotencyKey).values()].flatMap((tries) => {
    const next = tries.findIndex((call) => call.at > killedAt);
    return next > 0 ? [Math.round((tries[next]?.at ?? killedAt) - killedAt)] : [];
  });
  const times = [killedAt, ...calls.map((call) => call.at).filter((at) => at > killedAt)];
  const gaps = times.slice(1).map((at, i) => Math.round(at - (times[i] ?? at)));
  return `${again.length} calls made again after ${again.toSorted((a, b) => a - b).join(', ')} ms; longest pause of the provider until the end ${Math.max(0, ...gaps)} ms`;
}
