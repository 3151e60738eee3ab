import { extname } from 'node:path';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import { ChildEndedError, createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { SceneInput } from './compose-scene.ts';
import type { ImageCopy } from './copy-image.ts';
import type { ImageRequest, ImageResponse, ImageTasks } from './decode-image.ts';
import { DECODE_TIMEOUT_MS } from './image-limits.ts';
import type { InspectedImage } from './inspect-image.ts';
import type { Background } from './make-background.ts';

/** Decoding uses a whole core: more processes would only wait for each other. */
const PROCESSES = 2;
/** For a workspace that has no process at work while other workspaces keep the rest busy. */
const RESERVE = 1;
/** For JavaScript objects, which are few: pixels and file contents are not on this heap. */
const HEAP_MB = 128;
/** Allows for a busy machine, and for libraries that must be unpacked first. */
const START_TIMEOUT_MS = 60_000;
/** A process takes 80 MB, so an idle program keeps none. */
const IDLE_MS = 30_000;

/**
 * Decodes images in child processes without the environment of the program: an image that attacks
 * its decoder cannot block the program, use its memory or reach its secrets. Every image that this
 * program did not make must be decoded here.
 *
 * An image that takes more than 10 s or 600 MB ends its process and fails alone. All methods throw
 * `signal.reason` as soon as the signal aborts, and an AppError `internal` when no process can be
 * started.
 */
export interface ImageDecoder {
  /** Measures an image of a shop. Throws an AppError `no_usable_picture` if it cannot be used. */
  inspect(bytes: Buffer, requester: Requester): Promise<InspectedImage>;
  /** Makes our own copy of an image. Throws as `inspect` does. */
  copy(image: Pick<InspectedImage, 'original' | 'isTransparent'>, requester: Requester): Promise<ImageCopy>;
  /** Makes a small JPEG of an image for a model. Throws as `inspect` does. */
  makeView(original: Buffer, requester: Requester): Promise<Buffer>;
  /**
   * Makes a background from an AI service's image. Throws an AppError `ai_bad_answer` if it cannot
   * be used.
   */
  makeBackground(bytes: Buffer, requester: Requester): Promise<Background>;
  /** Composes a background from our own copy of an image. */
  composeScene(input: SceneInput, image: Buffer, requester: Requester): Promise<Background>;
  /** Starts a process if there is none. Call this before an image arrives, to save time. */
  prepare(): void;
  /** Resolves when a process is ready. Throws an Error with the reason if none can be started. */
  check(): Promise<void>;
  close(): void;
}

/** Whether an image killed its decoder: it took too much time or memory, or crashed it. */
export function hasKilledDecoder(error: unknown): boolean {
  return error instanceof AppError && wasKilled(error.cause);
}

function wasKilled(error: unknown): boolean {
  return error instanceof ChildEndedError && error.wasKilled;
}

export interface ImageDecoderOptions {
  /** The complete environment of the processes; empty if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Maximum time for one image. */
  readonly timeoutMs?: number;
}

/** No process is started before `prepare`, `check` or the first image. */
export function createImageDecoder(options: ImageDecoderOptions = {}): ImageDecoder {
  const { env = {}, timeoutMs = DECODE_TIMEOUT_MS } = options;
  // The extension is .ts in the source and another one in the build.
  const here = import.meta.url;
  const pool = createChildPool<ImageRequest, ImageResponse>({
    file: new URL(`./decode-image-process${extname(here)}`, here),
    processes: PROCESSES,
    reserve: RESERVE,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    env,
    // Otherwise a hostile image could keep a core busy until the timeout.
    endWhenAborted: true,
  });

  /** `refusal`: the code for an image that cannot be used. */
  async function send<Name extends keyof ImageTasks>(
    request: ImageRequest & { task: Name },
    requester: Requester,
    refusal: ErrorCode,
  ): Promise<Awaited<ReturnType<ImageTasks[Name]>>> {
    const response = await pool.send(request, { ...requester, timeoutMs }).catch((cause: unknown): never => {
      requester.signal.throwIfAborted();
      // If a limit or a crash killed the process, its image cannot be used.
      throw new AppError(wasKilled(cause) ? refusal : 'internal', { cause });
    });
    if ('refused' in response) throw new AppError(refusal, { cause: new Error(response.refused) });
    return response.result as Awaited<ReturnType<ImageTasks[Name]>>;
  }

  return {
    async inspect(bytes, requester) {
      const { facts, smaller } = await send(
        { task: 'inspect', args: [bytes] },
        requester,
        'no_usable_picture',
      );
      return { ...facts, original: smaller ?? bytes };
    },
    copy: ({ original, isTransparent }, requester) =>
      send({ task: 'copy', args: [original, isTransparent] }, requester, 'no_usable_picture'),
    makeView: (original, requester) =>
      send({ task: 'makeView', args: [original] }, requester, 'no_usable_picture'),
    makeBackground: (bytes, requester) =>
      send({ task: 'makeBackground', args: [bytes] }, requester, 'ai_bad_answer'),
    composeScene: (input, image, requester) =>
      send({ task: 'composeScene', args: [input, image] }, requester, 'internal'),
    prepare: pool.prepare,
    async check() {
      const { signal } = new AbortController();
      await pool.send({ task: 'nothing', args: [] }, { owner: '', signal, timeoutMs: START_TIMEOUT_MS });
    },
    close: pool.close,
  };
}
