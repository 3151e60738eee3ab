import { expect, test } from 'vitest';
import { createHostSlots } from './host-slots.ts';

const never = { owner: 'alice', signal: new AbortController().signal };

test('lets hosts run independently, and forgets idle hosts', async () => {
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

test('ends the wait on abort without starting the task', async () => {
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

test('does not delay an owner when another owner holds all its slots of the same host', async () => {
  const slots = createHostSlots(2);
  const gate = Promise.withResolvers<void>();
  const holder = Array.from({ length: 50 }, () => slots.run('a', never, () => gate.promise));
  const bob = { owner: 'bob', signal: new AbortController().signal };
  expect(await slots.run('a', bob, async () => 'answered')).toBe('answered');
  gate.resolve();
  await Promise.all(holder);
  expect(slots.size).toBe(0);
});
