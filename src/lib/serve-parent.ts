import { writeFileSync } from 'node:fs';
import { keepCompiled, writeCompiled } from './keep-compiled.ts';

/** Native code can allocate about 2 GB per second. */
const WATCH_EVERY_MS = 20;

/** A request with an id that its response must repeat. */
export interface IpcRequest<Request> {
  readonly id: string;
  readonly request: Request;
}

export interface IpcResponse<Response> {
  readonly id: string;
  readonly response: Response;
}

/**
 * The first message of a process: it is ready for requests, or why its code cannot be loaded. In
 * the second case it ends.
 */
export type IpcGreeting = { readonly isReady: true } | { readonly loadFailure: string };

export type IpcMessage<Response> = IpcGreeting | IpcResponse<Response>;

/**
 * Runs in a process of a `ChildPool`. Handles the requests of the parent program one after the
 * other, and ends when that program does. `loadHandler` imports the code for the responses; it
 * starts at once, before the first request arrives. A response that throws ends the process. More
 * memory than `maxRssMb` during a response ends it too: `heapMb` of the pool limits only JavaScript
 * objects, but this also limits what native code allocates on its own threads.
 */
export function serveParent<Request, Response>(
  loadHandler: () => Promise<(request: Request) => Response | Promise<Response>>,
  { maxRssMb = Number.POSITIVE_INFINITY }: { readonly maxRssMb?: number } = {},
): void {
  preferAsVictim();
  keepCompiled();
  const loaded = loadHandler();
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
  process.on('message', async ({ id, request }: IpcRequest<Request>) => {
    const handle = await loaded.catch(() => undefined);
    if (handle === undefined) return;
    const watch = maxRssMb < Number.POSITIVE_INFINITY ? setInterval(checkMemory, WATCH_EVERY_MS) : undefined;
    const result = await handle(request);
    clearInterval(watch);
    process.send?.({ id, response: result } satisfies IpcResponse<Response>);
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
