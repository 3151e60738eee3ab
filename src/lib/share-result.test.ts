import { expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { shareResult } from './share-result.ts';

test('all who ask at the same time share one look, and so do those who ask soon after', async () => {
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

test('after its time there is another one, also after a failure', async () => {
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

test('one that does not end is waited for no longer than allowed, and not joined by another', async () => {
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
