import { expect, test } from 'vitest';
import { shareLook } from './share-look.ts';

test('all who ask at the same time share one look, and so do those who ask soon after', async () => {
  let looks = 0;
  const gate = Promise.withResolvers<void>();
  const look = shareLook(
    async () => {
      looks += 1;
      await gate.promise;
      return looks;
    },
    { forMs: 60_000, withinMs: 60_000 },
  );
  const asked = [look(), look(), look()];
  gate.resolve();
  expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  expect(await look()).toBe(1);
});

test('after its time there is another one, also after a failure', async () => {
  let looks = 0;
  const look = shareLook(
    async () => {
      looks += 1;
      if (looks === 1) throw new Error('away');
      return looks;
    },
    { forMs: 0, withinMs: 60_000 },
  );
  await expect(look()).rejects.toThrow('away');
  expect(await look()).toBe(2);
  expect(await look()).toBe(3);
});

test('one that does not end is waited for no longer than allowed, and not joined by another', async () => {
  let looks = 0;
  const gate = Promise.withResolvers<number>();
  const look = shareLook(
    () => {
      looks += 1;
      return gate.promise;
    },
    { forMs: 0, withinMs: 1 },
  );
  await expect(Promise.all([look(), look()])).rejects.toThrow('too long');
  await expect(look()).rejects.toThrow('too long');
  expect(looks).toBe(1);
});
