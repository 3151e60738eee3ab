import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Tests start the bundle that `bundle-program.ts` makes. Benchmarks start the sources, as users do.
 */
const CLI = fileURLToPath(
  new URL(process.env.VITEST ? '../../build/program/cli.js' : '../../src/main/cli.ts', import.meta.url),
);
const END_WITH_PARENT = new URL('./preload-end-with-parent.ts', import.meta.url).href;
/** The single executable, if it is tested instead of the sources (`npm run test:binary`). */
const BINARY = process.env.CTA_BATCH_BINARY && resolve(process.env.CTA_BATCH_BINARY);
/** Keeps the files that it unpacks out of the user's cache. */
const BINARY_CACHE = resolve('build/cache');

/** Reasons why the tested program cannot run a test, or undefined if it can. */
export const WITHOUT = {
  embeddedServer: BINARY && 'the single executable has no embedded PostgreSQL',
  preloads: BINARY && 'the single executable loads no modules of others',
};

/** The real program in a separate process. */
export interface Program {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The address of an API, such as `http://127.0.0.1:12345`. */
  readonly address: string;
  /** The complete output so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves when stderr contains the text. */
  said(text: string): Promise<void>;
  /**
   * Sends SIGTERM or another signal and waits for the end. Returns the exit code, and the signal
   * that ended the process.
   */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ProgramOptions {
  /** A script instead of the command line. It must also print `… is ready at http://…`. */
  readonly script?: string;
  /** A single executable, whichever program is tested. */
  readonly binary?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Wait until the program is ready. */
  readonly ready?: boolean;
}

/** Returns the command, and the arguments that precede the program's own. */
function commandOf({ script, binary = BINARY }: ProgramOptions): [command: string, before: string[]] {
  if (script !== undefined || !binary)
    return [process.execPath, ['--import', END_WITH_PARENT, script ?? CLI]];
  // The executable cannot preload a module that ends it with this process, so the system does that.
  return ['/usr/bin/setpriv', ['--pdeathsig', 'TERM', binary]];
}

/**
 * Starts the command line as a user would, with only the given environment. The program ends with
 * this process, even if this process is killed.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { args = [], env = {}, cwd, ready = true } = options;
  const [command, before] = commandOf(options);
  const { PATH, HOME } = process.env;
  const child = spawn(command, [...before, ...args], {
    cwd,
    env: {
      PATH,
      HOME,
      CTA_BATCH_CACHE: BINARY_CACHE,
      PORT: '0',
      LOG_LEVEL: 'info',
      STOP_DELAY: '0',
      ...env,
    },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  const onData = () => {
    for (const check of waiting) check();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    onData();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    onData();
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;

  /** Resolves when the condition is true. Rejects if the program ends before. */
  async function until(condition: () => boolean, what: string): Promise<void> {
    const met = Promise.withResolvers<void>();
    const check = () => {
      if (condition()) met.resolve();
    };
    waiting.add(check);
    check();
    const end = ended.then(([code, signal]) => {
      if (!condition()) throw new Error(`ended (${code ?? signal}) before ${what}:\n${stdout}\n${stderr}`);
    });
    await Promise.race([met.promise, end]);
    waiting.delete(check);
  }

  if (ready) await until(() => /is ready/.test(stdout), 'it was ready');
  return {
    pid: child.pid ?? 0,
    process: child,
    get address() {
      return /ready at (http:\/\/\S+)/.exec(stdout)?.[1] ?? '';
    },
    output: () => ({ stdout, stderr }),
    said: (text) => until(() => stderr.includes(text), `it said "${text}"`),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code, endSignal] = await ended;
      return { code, signal: endSignal };
    },
  };
}

/** Runs a command and waits for its end. */
export async function runProgram(options: ProgramOptions) {
  const program = await startProgram({ ...options, ready: false });
  const [code] = (await once(program.process, 'close')) as [number | null];
  return { code, ...program.output() };
}
