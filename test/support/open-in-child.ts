import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The program that such a child process runs. */
export const EMBEDDED_CHILD = join(import.meta.dirname, 'embedded-child.ts');

/** An embedded PostgreSQL that was opened by a child process. */
export interface EmbeddedChild {
  readonly process: ChildProcess;
  readonly server: { readonly url: string; readonly owned: boolean; readonly dataDirectory: string };
  /** Stops the server if the child owns it, and ends the process. Returns its exit code. */
  stop(): Promise<number | null>;
  /** Kills the process with SIGKILL. The server keeps running. */
  kill(): Promise<void>;
}

/**
 * Opens the embedded PostgreSQL of a folder in a child process. The child ends with this process,
 * even if this process is killed. `settings` are PostgreSQL's.
 */
export async function openInChild(
  folder: string,
  {
    settings = {},
    account = {},
  }: { settings?: Record<string, string>; account?: { uid?: number; gid?: number } } = {},
): Promise<EmbeddedChild> {
  const child = spawn(process.execPath, [EMBEDDED_CHILD, folder, JSON.stringify(settings)], {
    ...account,
    cwd: '/',
    stdio: 'pipe',
    // Ctrl-C in the terminal must reach only this process, which then ends the child.
    detached: true,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const ended = once(child, 'exit');
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), ended.then(() => undefined)]);
  if (line === undefined) throw new Error(`The child ended: ${said}`);
  return {
    process: child,
    server: JSON.parse(line[0]),
    async stop() {
      child.stdin.end();
      return (await ended)[0];
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
