import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What such a process runs. */
export const EMBEDDED_CHILD = join(import.meta.dirname, 'embedded-child.ts');

/** An embedded PostgreSQL that a process of its own has opened. */
export interface EmbeddedChild {
  readonly process: ChildProcess;
  readonly server: { readonly url: string; readonly owned: boolean; readonly dataDirectory: string };
  /** Ends the server, if it is owned, and the process; answers its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: the server stays. */
  kill(): Promise<void>;
}

/**
 * Opens the embedded PostgreSQL of a folder in a process of its own. It ends with this process, even if that is killed.
 * `settings` are PostgreSQL's.
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
    // A Ctrl-C in the terminal is for us, who then end it.
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
