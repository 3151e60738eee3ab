import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Asked, LoadFailure, Reply } from './answer-parent.ts';
import { createFairLimit, type Requester } from './fair-limit.ts';
import { toExecArgv } from './single-executable.ts';

export interface ChildPoolOptions<Answer> {
  /** What the processes run: a file that calls `answerParent`. */
  readonly file: URL;
  /** As many at once; more questions wait, and are taken by turns of their owners. */
  readonly processes: number;
  /** Processes beyond these for owners of whom none is at work; none if absent. See `createFairLimit`. */
  readonly reserve?: number;
  /** For a process's JavaScript objects, in MB. One that needs more ends. */
  readonly heapMb: number;
  /** A process that has nothing to do ends after this, and gives its memory back. */
  readonly idleMs: number;
  /**
   * A question that finds every process busy waits this long for one of them before another process is started. 0 if absent.
   * Starting one takes longer than most answers, and a core.
   */
  readonly growAfterMs?: number;
  /** All that a process is told of the environment; nothing if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether nobody waiting for an answer any more ends the process that works on it. If not, it goes on, unheard. */
  readonly endWhenAborted: boolean;
  /** Whether the process that gave this answer has served its time. */
  isLast?(answer: Answer): boolean;
}

/**
 * Processes that each answer one question at a time, for work that must not be done in the program: it may hold up its event
 * loop, take its memory, or end it. A process that dies fails only the question it had; the next one gets a new process.
 */
export interface ChildPool<Question, Answer> {
  /**
   * Both are copied as `structuredClone` does.
   *
   * @throws ChildEndedError when the process ended before it answered, `late` if it took longer than `timeoutMs`;
   * `signal.reason` as soon as the signal aborts; an Error when the process cannot be started or cannot load its code.
   */
  ask(question: Question, options: Requester & { readonly timeoutMs: number }): Promise<Answer>;
  /** A question is on its way: starts a process meanwhile, if there is none. */
  prepare(): void;
  /** Ends all processes at once; what they work on, and whatever is asked later, fails. */
  close(): void;
}

/** A process ended before it answered. */
export class ChildEndedError extends Error {
  override readonly name = 'ChildEndedError';
  readonly late: boolean;
  /** What it was ended by, if by a signal. */
  readonly signal: NodeJS.Signals | null;

  constructor(end: { late: boolean; code: number | null; signal: NodeJS.Signals | null }) {
    super(end.late ? 'the process took too long' : `the process ended: ${end.signal ?? end.code}`);
    this.late = end.late;
    this.signal = end.signal;
  }
}

/** No process is started before `prepare` or the first question. */
export function createChildPool<Question, Answer>(
  options: ChildPoolOptions<Answer>,
): ChildPool<Question, Answer> {
  const inTurn = createFairLimit(options.processes, options.reserve);
  const all = new Set<ChildProcess>();
  const idle = new Map<ChildProcess, NodeJS.Timeout>();
  /** Wakes the questions that wait for a busy process. */
  const waiting = new Set<() => void>();
  /** The question that a process works on. */
  const asked = new WeakMap<ChildProcess, string>();
  let isClosed = false;

  function start(): ChildProcess {
    const child = fork(fileURLToPath(options.file), {
      // Its garbage is collected on its own thread: helpers would take the cores of those who wait for it.
      execArgv: toExecArgv([`--max-old-space-size=${options.heapMb}`, '--single-threaded-gc']),
      env: options.env ?? {},
      // A Ctrl-C in the terminal is not for it.
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
    // An answer that nobody waits for would be taken for that of the next question.
    child.on('message', (message) => {
      if (!isLoadFailure(message) && (message as Reply<Answer>).id !== asked.get(child)) end(child);
    });
    child.once('exit', forget);
    // One that could not even be started has no exit.
    child.on('error', () => {
      if (child.pid === undefined) forget();
    });
    return child;
  }

  function rest(child: ChildProcess): void {
    // What waits for work must not keep the program alive.
    child.unref();
    child.channel?.unref();
    idle.set(child, setTimeout(() => end(child), options.idleMs).unref());
    wakeOne();
  }

  function wakeOne(): void {
    const [wake] = waiting;
    wake?.();
  }

  /** Resolves when a process has become free or ended, at the latest after `growAfterMs`. */
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
    // Whatever it is in the middle of, native code too. A gentler end could take its time, or abort.
    child.kill('SIGKILL');
  }

  /** The one that worked last: the others may come to their end. */
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

/** One question and its answer. Ends the process if that does not come in time. */
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
    // It is being ended.
    return ended;
  });
  const ended = once(child, 'exit', { signal }).then(([code, name]): never => {
    throw new ChildEndedError({ late, code, signal: name });
  });
  // Whichever loses is aborted below; nobody waits for it any more.
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

/** The result, or the reason of the signal if that aborts before: then what is under way ends unheard. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  const ended = new AbortController();
  const aborted = once(signal, 'abort', { signal: ended.signal }).then(
    () => signal.throwIfAborted() as never,
  );
  aborted.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    ended.abort();
  }
}
