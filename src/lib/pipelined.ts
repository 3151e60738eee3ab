import { promisify } from 'node:util';
import { isAborted } from './database-error.ts';

/** Statements of a transaction. None is sent before `pipelined` calls its function. */
export type Statements<T extends readonly unknown[]> = { [K in keyof T]: () => PromiseLike<T[K]> };

/** A query is sent within some microtasks; ticks come after all of them. */
const sent = promisify(process.nextTick);

/**
 * Sends statements of one transaction in this order without waiting for answers in between: each
 * wait is a round trip to the database. The server runs them one after the other, so the statements
 * after a lock run under it (use `pipelinedUnderLock` for the lock of batches).
 *
 * If a function sends several statements, only its first one keeps its place: put a lock, and a
 * statement that must run before another one, into functions that send one.
 *
 * Waits for all of them even if one fails: a transaction must not end, and its connection must not
 * be lent to the next one, while one of its statements may still be sent. Throws the error of the
 * statement that broke the transaction.
 */
export async function pipelined<T extends readonly unknown[]>(...statements: Statements<T>): Promise<T> {
  const answers: Promise<unknown>[] = [];
  for (const send of statements) {
    const answer = Promise.resolve(send());
    // Handled below. Until then, a rejection must not count as unhandled.
    answer.catch(() => {});
    answers.push(answer);
    await sent();
  }
  const settled = await Promise.allSettled(answers);
  const failures = settled.filter((one) => one.status === 'rejected').map((one): unknown => one.reason);
  const [failure] = failures;
  if (failures.length > 0) throw failures.find((reason) => !isAborted(reason)) ?? failure;
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as unknown as T;
}
