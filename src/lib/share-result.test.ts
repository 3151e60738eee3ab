import { expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { shareResult } from './share-result.ts';

test('shares one call among callers at the same time, and soon after', async () => {
  let loads = 0;
  const gate = Promise.withResolvers<void>();
  const load = shareResult(
    async () => {
      loads += 1;
      await gate.promise;
      return loads;
    },
    { ttlMs: 60_000, timeoutMs: 60_000 },
  );
  const results = [load(), load(), load()];
  gate.resolve();
  expect(await Promise.all(results)).toEqual([1, 1, 1]);
  expect(await load()).toBe(1);
});

test('calls again after the interval, also after a failure', async () => {
  let loads = 0;
  const load = shareResult(
    async () => {
      loads += 1;
      if (loads === 1) throw new Error('away');
      return loads;
    },
    { ttlMs: 1, timeoutMs: 60_000 },
  );
  await expect(load()).rejects.toThrow('away');
  expect(
    await poll(
      () => load().catch(() => 0),
      (result) => result > 2,
    ),
  ).toBe(3);
});

test('limits the wait for a call that does not end, and starts no second one', async () => {
  let loads = 0;
  const gate = Promise.withResolvers<number>();
  const load = shareResult(
    () => {
      loads += 1;
      return gate.promise;
    },
    { ttlMs: 1, timeoutMs: 1 },
  );
  await expect(Promise.all([load(), load()])).rejects.toThrow('timeout');
  await expect(load()).rejects.toThrow('timeout');
  expect(loads).toBe(1);
});
