import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Tests start the bundle of `bundle-program.ts`. The bench starts what users do: the sources. */
const CLI = fileURLToPath(
  new URL(process.env.VITEST ? '../../build/program/cli.js' : '../../src/main/cli.ts', import.meta.url),
);
const END_WITH_PARENT = new URL('./preload-end-with-parent.ts', import.meta.url).href;
/** The single executable, if that is to be tested in place of the sources (`npm run test:binary`). */
const BINARY = process.env.CTA_BATCH_BINARY && resolve(process.env.CTA_BATCH_BINARY);
/** What it unpacks is not for the user's own folder. */
const BINARY_CACHE = resolve('build/cache');

/** Why a test cannot be run with the program that is tested; undefined if it can. */
export const WITHOUT = {
  embeddedServer: BINARY && 'the single executable has no embedded PostgreSQL',
  preloads: BINARY && 'the single executable loads no modules of others',
};

/** The real program as a process of its own. */
export interface Program {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Of an API: `http://127.0.0.1:12345`. */
  readonly address: string;
  /** What it has said so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves when the standard error holds the text. */
  said(text: string): Promise<void>;
  /** SIGTERM (or another signal), then waits for the end. Answers the exit code and the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ProgramOptions {
  /** Another program than the command line; it must say `… is ready at http://…` too. */
  readonly script?: string;
  /** A single executable, whichever program is tested. */
  readonly binary?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Wait until it says that it is ready. */
  readonly ready?: boolean;
}

/** The command, and the arguments that come before the program's own. */
function commandOf({ script, binary = BINARY }: ProgramOptions): [command: string, before: string[]] {
  if (script !== undefined || !binary)
    return [process.execPath, ['--import', END_WITH_PARENT, script ?? CLI]];
  // It loads no module of ours that would end it with us; the system can do that too.
  return ['/usr/bin/setpriv', ['--pdeathsig', 'TERM', binary]];
}

/**
 * Starts the command line as a user would, with an environment that holds nothing but what is given. It ends with this
 * process, even if that is killed.
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
    for (const look of waiting) look();
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

  /** Resolves when the condition holds; rejects if the program ends before. */
  async function until(condition: () => boolean, what: string): Promise<void> {
    const met = Promise.withResolvers<void>();
    const look = () => {
      if (condition()) met.resolve();
    };
    waiting.add(look);
    look();
    const end = ended.then(([code, signal]) => {
      if (!condition()) throw new Error(`ended (${code ?? signal}) before ${what}:\n${stdout}\n${stderr}`);
    });
    await Promise.race([met.promise, end]);
    waiting.delete(look);
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

/** Runs a command to its end. */
export async function runProgram(options: ProgramOptions) {
  const program = await startProgram({ ...options, ready: false });
  const [code] = (await once(program.process, 'close')) as [number | null];
  return { code, ...program.output() };
}
