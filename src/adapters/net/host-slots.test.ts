import { expect, test } from 'vitest';
import { createHostSlots } from './host-slots.ts';

const never = { owner: 'alice', signal: new AbortController().signal };

test('hosts do not wait for each other, and are forgotten when idle', async () => {
  const slots = createHostSlots(1);
  const gate = Promise.withResolvers<void>();
  const first = slots.run('a', never, () => gate.promise);
  const second = slots.run('a', never, async () => 'second');
  expect(await slots.run('b', never, async () => 'other')).toBe('other');
  gate.resolve();
  await first;
  expect(await second).toBe('second');
  await new Promise(setImmediate);
  expect(slots.size).toBe(0);
});

test('an abort ends the wait in the row, and the task never starts', async () => {
  const slots = createHostSlots(1);
  const gate = Promise.withResolvers<void>();
  const first = slots.run('a', never, () => gate.promise);
  const controller = new AbortController();
  let started = false;
  const second = slots.run('a', { owner: 'alice', signal: controller.signal }, async () => {
    started = true;
  });
  controller.abort(new Error('stop'));
  await expect(second).rejects.toThrow('stop');
  gate.resolve();
  await first;
  await new Promise(setImmediate);
  expect(started).toBe(false);
  expect(slots.size).toBe(0);
});

test('an owner does not wait for another one that holds all its slots of the same host', async () => {
  const slots = createHostSlots(2);
  const gate = Promise.withResolvers<void>();
  const holder = Array.from({ length: 50 }, () => slots.run('a', never, () => gate.promise));
  const bob = { owner: 'bob', signal: new AbortController().signal };
  expect(await slots.run('a', bob, async () => 'answered')).toBe('answered');
  gate.resolve();
  await Promise.all(holder);
  expect(slots.size).toBe(0);
});
