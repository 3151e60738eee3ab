import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks repeatedly until the answer is good. After `timeoutMs`, throws an error with the last
 * answer.
 */
export async function poll<T>(
  ask: () => Promise<T>,
  isGood: (answer: T) => boolean,
  { everyMs = 50, timeoutMs = 120_000 }: { everyMs?: number; timeoutMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isGood(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`not reached; the last answer: ${JSON.stringify(answer)}`);
    await sleep(everyMs);
  }
}
