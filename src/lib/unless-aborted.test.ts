import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { unlessAborted } from './unless-aborted.ts';

const reason = new Error('stop');
const endless = new Promise<never>(() => {});

test('returns the result or throws the error, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  const error = new Error('broken');
  await expect(unlessAborted(Promise.reject(error), signal)).rejects.toBe(error);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('throws the reason as soon as the signal aborts, or if it was aborted before', async () => {
  const controller = new AbortController();
  const waiting = unlessAborted(endless, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(unlessAborted(endless, controller.signal)).rejects.toBe(reason);
  await expect(unlessAborted(Promise.resolve(1), controller.signal)).rejects.toBe(reason);
  await expect(unlessAborted(Promise.reject(new Error('broken')), controller.signal)).rejects.toBe(reason);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test.each(['before', 'after'])(
  'handles an error of the work after the abort: called %s it',
  async (order) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const work = Promise.withResolvers<never>();
    const controller = new AbortController();
    if (order === 'after') controller.abort(reason);
    const waiting = unlessAborted(work.promise, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    work.reject(new Error('late'));
    // Node.js reports unhandled rejections before the next turn of the event loop.
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  },
);
