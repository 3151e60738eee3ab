import { sql } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import type { AiCall } from '../fakes/fake-ai.ts';
import { chooseSeed, createRandomInt } from '../support/choose-seed.ts';
import { expectSound } from '../support/expect-sound.ts';
import { startWorld, type World } from '../support/start-world.ts';

const BATCHES = 6;
const SOURCES = 5;
const SIZE = 10;
const PREVIEWS = BATCHES * SOURCES * SIZE;

let world: World;
afterEach(() => world.end());

test('finishes three hundred previews with two workers and three kills at random moments', {
  timeout: 540_000,
}, async () => {
  const randomInt = createRandomInt(chooseSeed());
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
  // Kills one worker in each third of the work, measured in calls.
  for (const part of [0, 1, 2]) {
    const threshold = part * 160 + randomInt(20, 140);
    await world.ai.waitFor((calls) => calls.length >= threshold, 60_000);
    const [victim] = workers.splice(randomInt(0, 2), 1);
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
  process.stdout.write(`${PREVIEWS} previews, ${world.ai.calls.length} calls\n`);
  const noticed = await readDeaths();
  for (const [i, at] of kills.entries()) {
    const pause = Math.round(longestPause(world.ai.calls, at, kills[i + 1]));
    process.stdout.write(`  a death noticed after ${(noticed[i] ?? 0) - toWallTime(at)} ms; `);
    process.stdout.write(`the provider without a call for ${pause} ms at most\n`);
  }
});

const toWallTime = (at: number): number => Math.round(performance.timeOrigin + at);

/** Returns the times at which workers were marked dead, in order. */
async function readDeaths(): Promise<number[]> {
  const { rows } = await world.db.orm.execute<{ at: number }>(
    sql`select (extract(epoch from died_at) * 1000)::float8 as at from cta.workers where died_at is not null order by 1`,
  );
  return rows.map((row) => row.at);
}

/** Returns the longest time without any call until the end or the next death. */
function longestPause(calls: readonly AiCall[], from: number, to = Number.POSITIVE_INFINITY): number {
  const times = [from, ...calls.map((call) => call.at).filter((at) => at > from && at < to)];
  return Math.max(0, ...times.slice(1).map((at, i) => at - (times[i] ?? at)));
}
