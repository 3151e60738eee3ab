import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { AppError } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import type { PageAnswer } from './parse-page.ts';
import type { ProductPage } from './read-product-page.ts';

/** Reading takes a core: more at once only wait for each other. */
const PROCESSES = 2;
/** Far more than any shop's page takes; what takes longer was made to. */
const PARSE_TIMEOUT_MS = 10_000;
/** For a process's objects, in MB. The heaviest page that is parsed at all (see `MAX_WEIGHT`) needs about that. */
const HEAP_MB = 400;
/** A process that has nothing to do ends after this, and gives its 100 MB back: a program at rest has none. */
const IDLE_MS = 30_000;

/**
 * Reads pages in processes of their own: whatever a page does to the one that reads it, it neither holds up the event
 * loop nor takes the memory of the program, and a process that runs out of memory ends alone.
 */
export interface PageParser {
  /**
   * As `readProductPage`; also `page_too_large` for a page that takes too long or too much memory to read, `internal` when the
   * process ended for another reason, and `signal.reason` when the signal aborts.
   */
  parse(page: ProductPage, signal: AbortSignal): Promise<PageProduct>;
  /** A page is on its way: starts a process meanwhile, if there is none. */
  prepare(): void;
  close(): void;
}

/** No process is started before `prepare` or the first page. */
export function createPageParser(): PageParser {
  const inTurn = pLimit(PROCESSES);
  const all = new Set<ChildProcess>();
  const idle: { child: ChildProcess; timer: NodeJS.Timeout }[] = [];

  function start(): ChildProcess {
    // The file beside this one, whether as TypeScript or as it was built.
    const here = import.meta.url;
    const child = fork(fileURLToPath(new URL(`./parse-page-process${extname(here)}`, here)), {
      // Its garbage is collected on its own thread: helpers would take the cores of those who wait for it.
      execArgv: [`--max-old-space-size=${HEAP_MB}`, '--single-threaded-gc'],
      // It reads what strangers wrote: it is told no secrets, and a Ctrl-C in the terminal is not for it.
      env: {},
      detached: true,
      serialization: 'advanced',
      stdio: 'ignore',
    });
    all.add(child);
    child.on('error', () => {});
    child.once('exit', () => all.delete(child));
    return child;
  }

  function rest(child: ChildProcess): void {
    // What waits for work must not keep the program alive.
    child.unref();
    child.channel?.unref();
    const timer = setTimeout(() => end(child), IDLE_MS).unref();
    idle.push({ child, timer });
  }

  function end(child: ChildProcess): void {
    const at = idle.findIndex((resting) => resting.child === child);
    if (at >= 0) idle.splice(at, 1);
    child.kill('SIGKILL');
  }

  function takeOrStart(): ChildProcess {
    for (let resting = idle.pop(); resting; resting = idle.pop()) {
      clearTimeout(resting.timer);
      if (resting.child.connected && resting.child.exitCode === null) return resting.child;
    }
    return start();
  }

  return {
    prepare() {
      if (all.size === 0) rest(start());
    },
    parse: (page, signal) =>
      inTurn(async () => {
        signal.throwIfAborted();
        const child = takeOrStart();
        const answer = await ask(child, page, signal);
        rest(child);
        if ('product' in answer) return answer.product;
        throw new AppError(answer.code, { detail: answer.message, cause: new Error(answer.stack) });
      }),
    close() {
      for (const child of all) end(child);
    },
  };
}

/** Ends the process if it does not answer in time, or if nobody wants the answer any more. */
async function ask(child: ChildProcess, page: ProductPage, wanted: AbortSignal): Promise<PageAnswer> {
  child.ref();
  child.channel?.ref();
  const given = new AbortController();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, PARSE_TIMEOUT_MS);
  const drop = () => child.kill('SIGKILL');
  wanted.addEventListener('abort', drop, { once: true });
  const { signal } = given;
  const answered = once(child, 'message', { signal }).then(([answer]) => answer as PageAnswer);
  const ended = once(child, 'exit', { signal }).then(([code, name]) => {
    wanted.throwIfAborted();
    const cause = new Error(`the reading process ended: ${code ?? name}`);
    // V8 aborts when its heap is full. Any other end says nothing about the page: it may be read the next time.
    if (!isLate && name !== 'SIGABRT') throw new AppError('internal', { cause });
    throw new AppError('page_too_large', { detail: 'The page is too complex to read.', cause });
  });
  // Whichever loses is aborted below; nobody waits for it any more.
  answered.catch(() => {});
  ended.catch(() => {});
  try {
    child.send(page, (error) => error && child.kill('SIGKILL'));
    return await Promise.race([answered, ended]);
  } finally {
    clearTimeout(timer);
    wanted.removeEventListener('abort', drop);
    given.abort();
  }
}
