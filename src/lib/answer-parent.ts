import { writeFileSync } from 'node:fs';
import { keepCompiled, writeCompiled } from './keep-compiled.ts';

/** Native code can allocate some 2 GB a second. */
const WATCH_EVERY_MS = 20;

/** A question as it is sent, with a name that its reply must bear. */
export interface Asked<Question> {
  readonly id: string;
  readonly question: Question;
}

export interface Reply<Answer> {
  readonly id: string;
  readonly answer: Answer;
}

/** What a process sends in place of an answer when its code cannot be loaded; then it ends. */
export interface LoadFailure {
  readonly loadFailure: string;
}

/**
 * What a process of a `ChildPool` does: answers the questions of the program that started it, one after the other, and ends
 * with that program, as its channel does. `load` imports what answers; it begins at once, before the first question is there.
 * An answer that throws ends the process. So does memory above `maxRssMb` while it works on an answer: `heapMb` of the pool
 * bounds JavaScript objects only, this also what native code allocates on its own threads.
 */
export function answerParent<Question, Answer>(
  load: () => Promise<(question: Question) => Answer | Promise<Answer>>,
  { maxRssMb = Number.POSITIVE_INFINITY }: { readonly maxRssMb?: number } = {},
): void {
  preferAsVictim();
  keepCompiled();
  const loaded = load();
  // It may be ended at any moment: what was compiled is written as soon as all is loaded.
  loaded.then(writeCompiled, (error: unknown) => {
    const loadFailure = error instanceof Error ? error.message : String(error);
    if (process.send) process.send({ loadFailure } satisfies LoadFailure, () => process.exit(1));
    else process.exit(1);
  });
  process.on('message', async ({ id, question }: Asked<Question>) => {
    const answer = await loaded.catch(() => undefined);
    if (answer === undefined) return;
    const watch = maxRssMb < Number.POSITIVE_INFINITY ? setInterval(checkMemory, WATCH_EVERY_MS) : undefined;
    const result = await answer(question);
    clearInterval(watch);
    process.send?.({ id, answer: result } satisfies Reply<Answer>);
  });
  function checkMemory(): void {
    if (process.memoryUsage.rss() > maxRssMb * 1024 * 1024) process.kill(process.pid, 'SIGKILL');
  }
  // Not by an exit, which native code under way may turn into an abort.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}

/** When memory runs out, Linux ends this process before the program that started it. */
function preferAsVictim(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // A sandbox may hide /proc. The bounds of the pool hold all the same.
  }
}
