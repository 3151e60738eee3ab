import { expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import { shareResult } from './share-result.ts';

test('all who ask at the same time share one look, and so do those who ask soon after', async () => {
  let looks = 0;
  const gate = Promise.withResolvers<void>();
  const look = shareResult(
    async () => {
      looks += 1;
      await gate.promise;
      return looks;
    },
    { ttlMs: 60_000, timeoutMs: 60_000 },
  );
  const asked = [look(), look(), look()];
  gate.resolve();
  expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  expect(await look()).toBe(1);
});

test('after its time there is another one, also after a failure', async () => {
  let looks = 0;
  const look = shareResult(
    async () => {
      looks += 1;
      if (looks === 1) throw new Error('away');
      return looks;
    },
    { ttlMs: 1, timeoutMs: 60_000 },
  );
  await expect(look()).rejects.toThrow('away');
  expect(
    await poll(
      () => look().catch(() => 0),
      (result) => result > 2,
    ),
  ).toBe(3);
});

test('one that does not end is waited for no longer than allowed, and not joined by another', async () => {
  let looks = 0;
  const gate = Promise.withResolvers<number>();
  const look = shareResult(
    () => {
      looks += 1;
      return gate.promise;
    },
    { ttlMs: 1, timeoutMs: 1 },
  );
  await expect(Promise.all([look(), look()])).rejects.toThrow('timeout');
  await expect(look()).rejects.toThrow('timeout');
  expect(looks).toBe(1);
});
