import { keepCompiled, writeCompiled } from './keep-compiled.ts';

/**
 * What a process of a `ChildPool` does: answers the questions of the program that started it, one after the other, and ends
 * with that program, as its channel does. `load` imports what answers; it begins at once, before the first question is there.
 * An answer that throws ends the process.
 */
export function answerParent<Question, Answer>(
  load: () => Promise<(question: Question) => Answer | Promise<Answer>>,
): void {
  keepCompiled();
  const loaded = load();
  // It may be ended at any moment: what was compiled is written as soon as all is loaded.
  loaded.then(writeCompiled, () => process.exit(1));
  process.on('message', async (question: Question) => {
    const answer = await loaded;
    process.send?.(await answer(question));
  });
  // Not by an exit, which native code under way may turn into an abort.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}
