import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createFairLimit, type Requester } from './fair-limit.ts';
import type { IpcMessage, IpcRequest, IpcResponse } from './serve-parent.ts';
import { toExecArgv } from './single-executable.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ChildPoolOptions<Response> {
  /** The file that the processes run. It must call `serveParent`. */
  readonly file: URL;
  /** Maximum number of processes. More requests wait, and their owners take turns. */
  readonly processes: number;
  /** More processes, for owners that have none at work; 0 if absent. See `createFairLimit`. */
  readonly reserve?: number;
  /** Limit for the JavaScript objects of a process, in MB. A process that needs more ends. */
  readonly heapMb: number;
  /** A process that is idle for this time ends and frees its memory. */
  readonly idleMs: number;
  /** The complete environment of a process; empty if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether the process that works on a request ends when its signal aborts. If not, it continues,
   * and its response is dropped.
   */
  readonly endWhenAborted: boolean;
  /** Whether the process must end after this response. */
  isLast?(response: Response): boolean;
}

/**
 * Child processes that each handle one request at a time, for work that could block the event loop
 * of the program, use its memory or end it. If a process dies, only its request fails; the next
 * request gets a new process.
 */
export interface ChildPool<Request, Response> {
  /**
   * The request and the response are copied as `structuredClone` does.
   *
   * `timeoutMs` does not include the wait for a process.
   *
   * @throws ChildEndedError when the process ended before it responded, `late` if it took longer
   *   than `timeoutMs`; `signal.reason` as soon as the signal aborts; an Error when no process can
   *   be started within a minute, or it cannot load its code.
   */
  send(request: Request, options: Requester & { readonly timeoutMs: number }): Promise<Response>;
  /** Starts a process if there is none. Call this before a request arrives, to save time. */
  prepare(): void;
  /** Ends all processes at once. Running requests and all later ones fail. */
  close(): void;
}

/** Allows for a busy machine, and for libraries that must be unpacked first. */
const START_TIMEOUT_MS = 60_000;

/** A process ended before it responded. */
export class ChildEndedError extends Error {
  override readonly name = 'ChildEndedError';
  readonly late: boolean;
  /** The signal that ended the process, if a signal did. */
  readonly signal: NodeJS.Signals | null;
  /**
   * Whether a limit or a crash killed the process. False if it ended by itself with an exit code.
   */
  readonly wasKilled: boolean;

  constructor(end: { late: boolean; code: number | null; signal: NodeJS.Signals | null }) {
    super(end.late ? 'the process took too long' : `the process ended: ${end.signal ?? end.code}`);
    this.late = end.late;
    this.signal = end.signal;
    this.wasKilled = end.late || end.signal !== null;
  }
}

const CLOSED = 'the processes were ended';

/** A request that waits for a process. */
interface Waiter {
  resolve(child: ChildProcess): void;
  reject(reason: unknown): void;
}

/** No process is started before `prepare` or the first request. */
export function createChildPool<Request, Response>(
  options: ChildPoolOptions<Response>,
): ChildPool<Request, Response> {
  const limit = createFairLimit(options.processes, options.reserve);
  const all = new Set<ChildProcess>();
  const starting = new Set<ChildProcess>();
  const idle = new Map<ChildProcess, NodeJS.Timeout>();
  /** In order of arrival. For each one, a process is starting. */
  const waiting = new Set<Waiter>();
  /** The id of the request that each process works on. */
  const requestIds = new WeakMap<ChildProcess, string>();
  let isClosed = false;

  function start(): void {
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
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS).unref();
    const remove = (reason: Error) => {
      clearTimeout(timer);
      clearTimeout(idle.get(child));
      idle.delete(child);
      all.delete(child);
      if (starting.delete(child)) rejectOne(reason);
    };
    all.add(child);
    starting.add(child);
    child.on('message', (message: IpcMessage<Response>) => {
      if (starting.has(child)) {
        clearTimeout(timer);
        if ('loadFailure' in message) return remove(new Error(message.loadFailure));
        starting.delete(child);
        release(child);
      } else if (!('id' in message) || message.id !== requestIds.get(child)) {
        // Otherwise a late response would be taken for the response to the next request.
        end(child);
      }
    });
    child.once('exit', (code, signal) => remove(new Error(`a process cannot start: ${signal ?? code}`)));
    // A process that could not be started emits no `exit`.
    child.on('error', (error) => {
      if (child.pid === undefined) remove(error);
    });
  }

  /** Without this, every request that waits would start one more process that cannot start. */
  function rejectOne(reason: Error): void {
    const [waiter] = waiting;
    if (waiter && waiting.size > starting.size) waiter.reject(reason);
  }

  /** Gives a process to the first request that waits. Without one, the process is idle. */
  function release(child: ChildProcess): void {
    const [waiter] = waiting;
    if (waiter) {
      waiter.resolve(child);
      return;
    }
    setRef(child, false);
    idle.set(child, setTimeout(() => end(child), options.idleMs).unref());
  }

  /** Whether a process keeps the program alive. An idle one must not. */
  function setRef(child: ChildProcess, isRef: boolean): void {
    const change = isRef ? 'ref' : 'unref';
    child[change]();
    child.channel?.[change]();
  }

  /**
   * Starts a process, and returns it or one that becomes free before: a response usually takes less
   * time than a start.
   */
  function waitForOne(signal: AbortSignal): Promise<ChildProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
    // At once, because another process may become free before `promise` is observed.
    const settle = () => {
      waiting.delete(waiter);
      signal.removeEventListener('abort', onAbort);
    };
    const waiter: Waiter = {
      resolve(child) {
        settle();
        resolve(child);
      },
      reject(reason) {
        settle();
        reject(reason);
      },
    };
    const onAbort = () => waiter.reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    waiting.add(waiter);
    if (starting.size < waiting.size) start();
    for (const child of starting) setRef(child, true);
    return promise;
  }

  function end(child: ChildProcess): void {
    clearTimeout(idle.get(child));
    idle.delete(child);
    // SIGKILL also stops native code. A gentler signal could take time, or cause an abort.
    child.kill('SIGKILL');
  }

  /** Takes the process that worked last, so that the others can reach their idle limit. */
  function takeIdle(): ChildProcess | undefined {
    const child = [...idle.keys()].findLast((child) => child.connected);
    if (child === undefined) return undefined;
    clearTimeout(idle.get(child));
    idle.delete(child);
    setRef(child, true);
    return child;
  }

  return {
    prepare() {
      if (all.size > 0 || isClosed) return;
      start();
      for (const child of starting) setRef(child, false);
    },
    async send(request, { timeoutMs, owner, signal }) {
      const sending = limit.run({ owner, signal }, async () => {
        if (isClosed) throw new Error(CLOSED);
        signal.throwIfAborted();
        const child = takeIdle() ?? (await waitForOne(signal));
        if (signal.aborted) {
          release(child);
          throw signal.reason;
        }
        const abort = () => end(child);
        if (options.endWhenAborted) signal.addEventListener('abort', abort, { once: true });
        try {
          const id = randomUUID();
          requestIds.set(child, id);
          const response = await exchange<Request, Response>(child, { id, request }, timeoutMs);
          requestIds.delete(child);
          if (options.isLast?.(response)) end(child);
          else release(child);
          return response;
        } finally {
          signal.removeEventListener('abort', abort);
        }
      });
      return unlessAborted(sending, signal);
    },
    close() {
      isClosed = true;
      for (const waiter of waiting) waiter.reject(new Error(CLOSED));
      for (const child of all) end(child);
    },
  };
}

/** Sends one request and returns its response. Ends the process if there is no response in time. */
async function exchange<Request, Response>(
  child: ChildProcess,
  request: IpcRequest<Request>,
  timeoutMs: number,
): Promise<Response> {
  const listening = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const { signal } = listening;
  const responded = once(child, 'message', { signal }).then(([message]) => {
    const response = message as IpcResponse<Response>;
    if (response.id === request.id) return response.response;
    // A response to another request: the listener in `start` ends the process.
    return ended;
  });
  const ended = once(child, 'exit', { signal }).then(([code, name]): never => {
    throw new ChildEndedError({ late, code, signal: name });
  });
  // The promise that loses the race is aborted below. Its rejection must not count as unhandled.
  responded.catch(() => {});
  ended.catch(() => {});
  try {
    child.send(request, (error) => error && child.kill('SIGKILL'));
    return await Promise.race([responded, ended]);
  } finally {
    clearTimeout(timer);
    listening.abort();
  }
}
