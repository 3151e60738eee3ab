import { promisify } from 'node:util';
import { isAborted } from './database-error.ts';

/** Statements of a transaction that are not sent yet; each may be the first one of a function that sends more. */
type Statements<T extends readonly unknown[]> = { [K in keyof T]: () => PromiseLike<T[K]> };

/** A query is sent within some microtasks; ticks come after all of them. */
const sent = promisify(process.nextTick);

/**
 * Sends statements of one transaction one behind the other, in this order, and waits for all their answers together: each
 * wait is a trip to the database and back. The server runs one after the other, so what follows a lock runs under it. Of a
 * function that sends several, only the first is sent in this order.
 *
 * All are waited for also when one fails: a transaction must not end, and its connection be lent to the next one, while one of
 * its statements may still be sent. Throws the failure that broke the transaction.
 */
export async function pipelined<T extends readonly unknown[]>(...statements: Statements<T>): Promise<T> {
  const answers: Promise<unknown>[] = [];
  for (const send of statements) {
    const answer = Promise.resolve(send());
    // Looked at below; until then it is not unheard.
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
