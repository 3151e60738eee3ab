import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createKeyedThrottle } from './keyed-throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('runs the first call at once, and all others of the interval once at its end', async () => {
  const runs: string[] = [];
  const throttle = createKeyedThrottle(250, async (key) => {
    runs.push(`${key} ${Date.now() - began}`);
  });
  const began = Date.now();
  throttle.touch('a');
  expect(runs).toEqual(['a 0']);
  for (let ms = 0; ms < 500; ms += 10) {
    await vi.advanceTimersByTimeAsync(10);
    throttle.touch('a');
    if (ms === 100) throttle.touch('b');
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toEqual(['a 0', 'b 110', 'a 250', 'a 500', 'a 750']);
  throttle.touch('a');
  expect(runs.at(-1)).toMatch(/^a 1500$/);
});

test('does not run a key concurrently, and retries failed runs', async () => {
  let running = 0;
  let max = 0;
  let runs = 0;
  const throttle = createKeyedThrottle(100, async () => {
    running += 1;
    max = Math.max(max, running);
    await new Promise((resolve) => setTimeout(resolve, 300));
    running -= 1;
    runs += 1;
    throw new Error('no');
  });
  throttle.touch('a');
  await vi.advanceTimersByTimeAsync(150);
  throttle.touch('a');
  await vi.advanceTimersByTimeAsync(1000);
  expect([runs, max]).toEqual([2, 1]);
});

test('runs nothing after close', async () => {
  const run = vi.fn(async () => {});
  const throttle = createKeyedThrottle(100, run);
  throttle.touch('a');
  throttle.touch('a');
  throttle.close();
  throttle.touch('b');
  await vi.advanceTimersByTimeAsync(1000);
  expect(run).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('drain runs everything that is due or requested in the meantime, each at its time', async () => {
  const runs: string[] = [];
  const throttle = createKeyedThrottle(100, async (key) => {
    runs.push(`${key} ${Date.now() - began}`);
    if (runs.length === 3) throttle.touch(key);
  });
  const began = Date.now();
  let isDrained = false;
  for (const key of ['a', 'b', 'a']) throttle.touch(key);
  const drained = throttle.drain().then(() => {
    isDrained = true;
  });
  await vi.advanceTimersByTimeAsync(199);
  expect([runs, isDrained]).toEqual([['a 0', 'b 0', 'a 100'], false]);
  await vi.advanceTimersByTimeAsync(1);
  await drained;
  expect(runs.at(-1)).toBe('a 200');
  throttle.touch('b');
  await throttle.drain();
  expect([runs.length, vi.getTimerCount()]).toEqual([4, 0]);
});
