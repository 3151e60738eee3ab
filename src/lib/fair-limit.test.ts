import { expect, test } from 'vitest';
import { createFairLimit } from './fair-limit.ts';

const never = new AbortController().signal;

/** Makes tasks that end on request, and records the order in which they start. */
function makeTasks() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    task: (name: string) => () =>
      new Promise<void>((resolve) => {
        started.push(name);
        ends.set(name, resolve);
      }),
    async end(name: string) {
      await new Promise(setImmediate);
      ends.get(name)?.();
      await new Promise(setImmediate);
    },
  };
}

test('an owner with one task waits for only one task to end, however many another has queued', async () => {
  const limit = createFairLimit(2);
  const { started, task, end } = makeTasks();
  for (let at = 1; at <= 50; at += 1) void limit.run({ owner: 'alice', signal: never }, task(`alice ${at}`));
  void limit.run({ owner: 'bob', signal: never }, task('bob 1'));
  await end('alice 1');
  expect(started).toEqual(['alice 1', 'alice 2', 'bob 1']);
});

test('gives a free slot to the owner with the fewest, then alternately', async () => {
  const limit = createFairLimit(3);
  const { started, task, end } = makeTasks();
  for (const at of [1, 2, 3, 4, 5]) void limit.run({ owner: 'a', signal: never }, task(`a${at}`));
  for (const at of [1, 2]) void limit.run({ owner: 'b', signal: never }, task(`b${at}`));
  for (const at of [1, 2]) void limit.run({ owner: 'c', signal: never }, task(`c${at}`));
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1']) await end(name);
  expect(started).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2', 'c2']);
});

test('never runs more tasks than the limit, even when tasks fail or are aborted', async () => {
  const limit = createFairLimit(2);
  let running = 0;
  let max = 0;
  const work = async () => {
    running += 1;
    max = Math.max(max, running);
    await new Promise(setImmediate);
    running -= 1;
    if (max % 2 === 0) throw new Error('a failure of the task');
  };
  const given = new AbortController();
  const all = Array.from({ length: 30 }, (_, at) =>
    limit.run({ owner: `owner ${at % 4}`, signal: at % 5 === 0 ? given.signal : never }, work),
  );
  given.abort();
  await Promise.allSettled(all);
  expect({ most: max, owners: limit.owners }).toEqual({ most: 2, owners: 0 });
});

test('ends the wait on abort, and gives the place to the next task', async () => {
  const limit = createFairLimit(1);
  const { started, task, end } = makeTasks();
  const given = new AbortController();
  void limit.run({ owner: 'a', signal: never }, task('first'));
  const waiting = limit.run({ owner: 'a', signal: given.signal }, task('given up'));
  void limit.run({ owner: 'a', signal: never }, task('last'));
  const reason = new Error('enough');
  given.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await end('first');
  expect(started).toEqual(['first', 'last']);
  await expect(limit.run({ owner: 'a', signal: given.signal }, task('never'))).rejects.toBe(reason);
  await end('last');
  expect(limit.owners).toBe(0);
});

test('a new owner waits for only one task to end, also with one slot', async () => {
  const limit = createFairLimit(1);
  const { started, task, end } = makeTasks();
  for (const at of [1, 2, 3]) void limit.run({ owner: 'alice', signal: never }, task(`alice ${at}`));
  await new Promise(setImmediate);
  void limit.run({ owner: 'bob', signal: never }, task('bob 1'));
  await end('alice 1');
  expect(started).toEqual(['alice 1', 'bob 1']);
});

test('gives a reserved slot only to owners that hold none', async () => {
  const limit = createFairLimit(2, 1);
  const { started, task, end } = makeTasks();
  for (const at of [1, 2, 3, 4]) void limit.run({ owner: 'alice', signal: never }, task(`alice ${at}`));
  await new Promise(setImmediate);
  for (const at of [1, 2]) void limit.run({ owner: 'bob', signal: never }, task(`bob ${at}`));
  void limit.run({ owner: 'carol', signal: never }, task('carol 1'));
  await new Promise(setImmediate);
  expect(started).toEqual(['alice 1', 'alice 2', 'bob 1']);
  await end('bob 1');
  expect(started).toEqual(['alice 1', 'alice 2', 'bob 1', 'carol 1']);
  await end('alice 1');
  expect(started.at(-1)).toBe('bob 2');
  await end('alice 2');
  await end('bob 2');
  expect(started.at(-1)).toBe('alice 3');
});
