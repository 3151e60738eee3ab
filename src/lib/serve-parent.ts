import { writeFileSync } from 'node:fs';
import { keepCompiled, writeCompiled } from './keep-compiled.ts';

/** Native code can allocate about 2 GB per second. */
const WATCH_EVERY_MS = 20;

/** A question with an id that its reply must repeat. */
export interface IpcRequest<Question> {
  readonly id: string;
  readonly question: Question;
}

export interface IpcResponse<Answer> {
  readonly id: string;
  readonly answer: Answer;
}

/**
 * The first message of a process: it is ready for questions, or why its code cannot be loaded. In
 * the second case it ends.
 */
export type IpcGreeting = { readonly isReady: true } | { readonly loadFailure: string };

export type IpcMessage<Answer> = IpcGreeting | IpcResponse<Answer>;

/**
 * Runs in a process of a `ChildPool`. Answers the questions of the parent program one after the
 * other, and ends when that program does. `load` imports the code for the answers; it starts at
 * once, before the first question arrives.
 * An answer that throws ends the process. More memory than `maxRssMb` during an answer ends it too:
 * `heapMb` of the pool limits only JavaScript objects, but this also limits what native code
 * allocates on its own threads.
 */
export function serveParent<Question, Answer>(
  load: () => Promise<(question: Question) => Answer | Promise<Answer>>,
  { maxRssMb = Number.POSITIVE_INFINITY }: { readonly maxRssMb?: number } = {},
): void {
  preferAsVictim();
  keepCompiled();
  const loaded = load();
  loaded.then(
    () => {
      process.send?.({ isReady: true } satisfies IpcGreeting);
      // The process may be killed at any time, so write the compiled code as soon as all is loaded.
      writeCompiled();
    },
    (error: unknown) => {
      const loadFailure = error instanceof Error ? error.message : String(error);
      const end = () => process.exit(1);
      if (process.send) process.send({ loadFailure } satisfies IpcGreeting, end);
      else end();
    },
  );
  process.on('message', async ({ id, question }: IpcRequest<Question>) => {
    const answer = await loaded.catch(() => undefined);
    if (answer === undefined) return;
    const watch = maxRssMb < Number.POSITIVE_INFINITY ? setInterval(checkMemory, WATCH_EVERY_MS) : undefined;
    const result = await answer(question);
    clearInterval(watch);
    process.send?.({ id, answer: result } satisfies IpcResponse<Answer>);
  });
  function checkMemory(): void {
    if (process.memoryUsage.rss() > maxRssMb * 1024 * 1024) process.kill(process.pid, 'SIGKILL');
  }
  // Do not exit normally: native code that is running may turn an exit into an abort.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}

/** Makes Linux end this process before the parent program when memory runs out. */
function preferAsVictim(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // A sandbox may hide /proc. The limits of the pool still apply.
  }
}
