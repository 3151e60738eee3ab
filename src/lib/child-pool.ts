import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Asked, LoadFailure, Reply } from './answer-parent.ts';
import { createFairLimit, type Requester } from './fair-limit.ts';
import { toExecArgv } from './single-executable.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ChildPoolOptions<Answer> {
  /** The file that the processes run. It must call `answerParent`. */
  readonly file: URL;
  /** Maximum number of processes. More questions wait, and their owners take turns. */
  readonly processes: number;
  /** More processes, for owners that have none at work; 0 if absent. See `createFairLimit`. */
  readonly reserve?: number;
  /** Limit for the JavaScript objects of a process, in MB. A process that needs more ends. */
  readonly heapMb: number;
  /** A process that is idle for this time ends and frees its memory. */
  readonly idleMs: number;
  /**
   * If all processes are busy, a question waits this long for one of them before another process is
   * started; 0 if absent. Starting a process takes longer than most answers, and a whole core.
   */
  readonly growAfterMs?: number;
  /** The complete environment of a process; empty if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether the process that works on a question ends when its signal aborts. If not, it continues,
   * and its answer is dropped.
   */
  readonly endWhenAborted: boolean;
  /** Whether the process must end after this answer. */
  isLast?(answer: Answer): boolean;
}

/**
 * Child processes that each answer one question at a time, for work that could block the event loop
 * of the program, use its memory or end it. If a process dies, only its question fails; the next
 * question gets a new process.
 */
export interface ChildPool<Question, Answer> {
  /**
   * The question and the answer are copied as `structuredClone` does.
   *
   * @throws ChildEndedError when the process ended before it answered, `late` if it took longer
   *   than `timeoutMs`; `signal.reason` as soon as the signal aborts; an Error when the process
   *   cannot be started or cannot load its code.
   */
  ask(question: Question, options: Requester & { readonly timeoutMs: number }): Promise<Answer>;
  /** Starts a process if there is none. Call this before a question arrives, to save time. */
  prepare(): void;
  /** Ends all processes at once. Running questions and all later ones fail. */
  close(): void;
}

/** A process ended before it answered. */
export class ChildEndedError extends Error {
  override readonly name = 'ChildEndedError';
  readonly late: boolean;
  /** The signal that ended the process, if a signal did. */
  readonly signal: NodeJS.Signals | null;
  /** Whether a limit or a crash killed the process. False if it ended by itself with an exit code. */
  readonly wasKilled: boolean;

  constructor(end: { late: boolean; code: number | null; signal: NodeJS.Signals | null }) {
    super(end.late ? 'the process took too long' : `the process ended: ${end.signal ?? end.code}`);
    this.late = end.late;
    this.signal = end.signal;
    this.wasKilled = end.late || end.signal !== null;
  }
}

/** No process is started before `prepare` or the first question. */
export function createChildPool<Question, Answer>(
  options: ChildPoolOptions<Answer>,
): ChildPool<Question, Answer> {
  const inTurn = createFairLimit(options.processes, options.reserve);
  const all = new Set<ChildProcess>();
  const idle = new Map<ChildProcess, NodeJS.Timeout>();
  /** Functions that wake the questions that wait for a busy process. */
  const waiting = new Set<() => void>();
  /** The id of the question that each process works on. */
  const asked = new WeakMap<ChildProcess, string>();
  let isClosed = false;

  function start(): ChildProcess {
    const child = fork(fileURLToPath(options.file), {
      // Without helper threads for garbage collection: they would take cores from the processes
      // that wait for this one.
      execArgv: toExecArgv([`--max-old-space-size=${options.heapMb}`, '--single-threaded-gc']),
      env: options.env ?? {},
      // Ctrl-C in the terminal must not end the process.
      detached: true,
      serialization: 'advanced',
      stdio: 'ignore',
    });
    const forget = () => {
      all.delete(child);
      clearTimeout(idle.get(child));
      idle.delete(child);
      wakeOne();
    };
    all.add(child);
    // Otherwise a late answer would be taken for the answer to the next question.
    child.on('message', (message) => {
      if (!isLoadFailure(message) && (message as Reply<Answer>).id !== asked.get(child)) end(child);
    });
    child.once('exit', forget);
    // A process that could not be started emits no `exit`.
    child.on('error', () => {
      if (child.pid === undefined) forget();
    });
    return child;
  }

  function rest(child: ChildProcess): void {
    // An idle process must not keep the program alive.
    child.unref();
    child.channel?.unref();
    idle.set(child, setTimeout(() => end(child), options.idleMs).unref());
    wakeOne();
  }

  function wakeOne(): void {
    const [wake] = waiting;
    wake?.();
  }

  /** Resolves when a process has become free or has ended, and after `ms` at the latest. */
  function waitForOne(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  function end(child: ChildProcess): void {
    clearTimeout(idle.get(child));
    idle.delete(child);
    // SIGKILL also stops native code. A gentler signal could take time, or cause an abort.
    child.kill('SIGKILL');
  }

  /** Takes the process that worked last, so that the others can reach their idle limit. */
  function takeOrStart(): ChildProcess {
    const child = [...idle.keys()].findLast((resting) => resting.connected);
    if (child === undefined) return start();
    clearTimeout(idle.get(child));
    idle.delete(child);
    child.ref();
    child.channel?.ref();
    return child;
  }

  return {
    prepare() {
      if (all.size === 0 && !isClosed) rest(start());
    },
    async ask(question, { timeoutMs, owner, signal }) {
      const asking = inTurn.run({ owner, signal }, async () => {
        const { growAfterMs = 0 } = options;
        if (growAfterMs > 0 && idle.size === 0 && all.size > 0) await waitForOne(growAfterMs, signal);
        signal.throwIfAborted();
        if (isClosed) throw new Error('the processes were ended');
        const child = takeOrStart();
        const drop = () => end(child);
        if (options.endWhenAborted) signal.addEventListener('abort', drop, { once: true });
        try {
          const id = randomUUID();
          asked.set(child, id);
          const answer = await converse<Question, Answer>(child, { id, question }, timeoutMs);
          asked.delete(child);
          if (options.isLast?.(answer)) end(child);
          else rest(child);
          return answer;
        } finally {
          signal.removeEventListener('abort', drop);
        }
      });
      return unlessAborted(asking, signal);
    },
    close() {
      isClosed = true;
      for (const child of all) end(child);
    },
  };
}

/** Sends one question and returns its answer. Ends the process if there is no answer in time. */
async function converse<Question, Answer>(
  child: ChildProcess,
  asked: Asked<Question>,
  timeoutMs: number,
): Promise<Answer> {
  const given = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const { signal } = given;
  const answered = once(child, 'message', { signal }).then(([message]) => {
    if (isLoadFailure(message)) throw new Error(message.loadFailure);
    const reply = message as Reply<Answer>;
    if (reply.id === asked.id) return reply.answer;
    // A reply to another question: the listener in `start` ends the process.
    return ended;
  });
  const ended = once(child, 'exit', { signal }).then(([code, name]): never => {
    throw new ChildEndedError({ late, code, signal: name });
  });
  // The promise that loses the race is aborted below. Its rejection must not count as unhandled.
  answered.catch(() => {});
  ended.catch(() => {});
  try {
    child.send(asked, (error) => error && child.kill('SIGKILL'));
    return await Promise.race([answered, ended]);
  } finally {
    clearTimeout(timer);
    given.abort();
  }
}

function isLoadFailure(message: unknown): message is LoadFailure {
  return typeof message === 'object' && message !== null && 'loadFailure' in message;
}
