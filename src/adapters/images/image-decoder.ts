import { extname } from 'node:path';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import { ChildEndedError, createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { SceneInput } from '../ai/compose-scene.ts';
import type { ImageAnswer, ImageQuestion, ImageTasks } from './decode-image.ts';
import { DECODE_TIMEOUT_MS } from './image-limits.ts';
import type { KeptImage } from './keep-image.ts';
import type { SeenImage } from './look-at-image.ts';
import type { Background } from './make-background.ts';

/** Decoding takes a core: more at once only wait for each other. */
const PROCESSES = 2;
/** For a workspace of which none is at work, while others keep these busy. */
const RESERVE = 1;
/** Of JavaScript objects, which are few: pixels and bytes are not among them. */
const HEAP_MB = 128;
/** On a busy machine, and with libraries to unpack. */
const START_TIMEOUT_MS = 60_000;
/** A process takes 80 MB: a program at rest has none. */
const IDLE_MS = 30_000;
/** Most images are done in 10 ms; a process takes 200 ms to start. */
const GROW_AFTER_MS = 150;

/**
 * Decodes images in processes of their own, which know nothing of the program's environment: whatever an image does to its
 * decoder, it neither holds up the program nor takes its memory, and reaches none of its secrets. Every image that was not
 * made by this program is decoded here.
 *
 * An image that takes more than 10 s or 600 MB ends its process, and fails alone. All methods throw `signal.reason` as soon
 * as the signal aborts, and an AppError `internal` when no process can be started.
 */
export interface ImageDecoder {
  /** Measures an image of a shop. Throws an AppError `no_usable_picture` for what cannot be used. */
  look(bytes: Buffer, requester: Requester): Promise<SeenImage>;
  /** Makes our own copy of an image. Throws as `look` does. */
  keep(image: Pick<SeenImage, 'original' | 'isTransparent'>, requester: Requester): Promise<KeptImage>;
  /** Makes a small JPEG of an image, for a model to look at. Throws as `look` does. */
  view(original: Buffer, requester: Requester): Promise<Buffer>;
  /** Makes a background of an image from an AI service. Throws an AppError `ai_bad_answer` for what cannot be used. */
  background(bytes: Buffer, requester: Requester): Promise<Background>;
  /** Composes a background from our own copy of an image. */
  compose(input: SceneInput, image: Buffer, requester: Requester): Promise<Background>;
  /** An image is on its way: starts a process meanwhile, if there is none. */
  prepare(): void;
  /** Resolves when a process is ready. Throws an Error that says why there can be none. */
  check(): Promise<void>;
  close(): void;
}

/** Whether a decoder was ended by an image: it took too much time or memory, or found a fault in the decoder. */
export function isKilled(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof ChildEndedError;
}

export interface ImageDecoderOptions {
  /** All that the processes are told of the environment; nothing if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** For one image. */
  readonly timeoutMs?: number;
}

/** No process is started before `prepare`, `check` or the first image. */
export function createImageDecoder(options: ImageDecoderOptions = {}): ImageDecoder {
  const { env = {}, timeoutMs = DECODE_TIMEOUT_MS } = options;
  // The file beside this one, whether as TypeScript or as it was built.
  const here = import.meta.url;
  const pool = createChildPool<ImageQuestion, ImageAnswer>({
    file: new URL(`./decode-image-process${extname(here)}`, here),
    processes: PROCESSES,
    reserve: RESERVE,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    growAfterMs: GROW_AFTER_MS,
    env,
    // A hostile image may take a core for as long as it can.
    endWhenAborted: true,
  });

  /** `refusal`: the code for an image that cannot be used. */
  async function ask<Name extends keyof ImageTasks>(
    question: ImageQuestion & { task: Name },
    requester: Requester,
    refusal: ErrorCode,
  ): Promise<Awaited<ReturnType<ImageTasks[Name]>>> {
    const answer = await pool.ask(question, { ...requester, timeoutMs }).catch((cause: unknown): never => {
      requester.signal.throwIfAborted();
      // A process that was killed, whether by its bounds or by a fault in a decoder, says that of its image.
      const isKilled = cause instanceof ChildEndedError && (cause.late || cause.signal !== null);
      throw new AppError(isKilled ? refusal : 'internal', { cause });
    });
    if ('refused' in answer) throw new AppError(refusal, { cause: new Error(answer.refused) });
    return answer.result as Awaited<ReturnType<ImageTasks[Name]>>;
  }

  return {
    async look(bytes, requester) {
      const { facts, smaller } = await ask({ task: 'look', args: [bytes] }, requester, 'no_usable_picture');
      return { ...facts, original: smaller ?? bytes };
    },
    keep: ({ original, isTransparent }, requester) =>
      ask({ task: 'keep', args: [original, isTransparent] }, requester, 'no_usable_picture'),
    view: (original, requester) => ask({ task: 'view', args: [original] }, requester, 'no_usable_picture'),
    background: (bytes, requester) => ask({ task: 'background', args: [bytes] }, requester, 'ai_bad_answer'),
    compose: (input, image, requester) =>
      ask({ task: 'compose', args: [input, image] }, requester, 'internal'),
    prepare: pool.prepare,
    async check() {
      const { signal } = new AbortController();
      await pool.ask({ task: 'nothing', args: [] }, { owner: '', signal, timeoutMs: START_TIMEOUT_MS });
    },
    close: pool.close,
  };
}
