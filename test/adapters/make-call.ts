import type { CallContext } from '../../src/adapters/ai/ai-provider.ts';

/** Makes the terms of a call without a time limit that matters, and records when the call left. */
export function makeCall(terms: Partial<CallContext> = {}) {
  const leftAt: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const call: CallContext = {
    idempotencyKey: 'key-1',
    owner: 'test',
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    sendBefore: performance.now() + 5000,
    onLeft() {
      leftAt.push(performance.now());
      resolve();
    },
    ...terms,
  };
  return { call, leftAt, left: promise };
}
