import { extname } from 'node:path';
import { createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { Log } from '../../lib/log.ts';
import { ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { findClipPlace } from './find-clip-place.ts';
import type { ImageDecoder } from './image-decoder.ts';
import type { ClipRequest, ClipResponse } from './rank-by-clip.ts';
import type { ImageRanker } from './ranker.ts';

/**
 * After this many pages a new process starts, which frees what the native code of the model leaks.
 */
const PAGES_PER_PROCESS = 300;
/** A new process also starts when the objects of the old one have grown by this much. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** Limits JavaScript objects only. Weights and pixels are not on this heap. */
const HEAP_MB = 512;
/** The model takes half a gigabyte or more and seconds to load, so keep it loaded between pages. */
const IDLE_MS = 5 * 60_000;
/**
 * Enough for twenty images with the largest usual model on two slow cores, and for loading it again
 * before that.
 */
const RANK_TIMEOUT_MS = 180_000;
/** Includes downloading more than half a gigabyte. */
const LOAD_TIMEOUT_MS = 30 * 60_000;

export interface ClipRankerOptions extends ClipModelOptions {
  readonly log: Log;
  readonly images: Pick<ImageDecoder, 'makeView'>;
  /** Ranks the pages whose images the model failed to rank. */
  readonly fallback: ImageRanker;
  /** The environment of the process with the model; empty if absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly pagesPerProcess?: number;
  readonly rankTimeoutMs?: number;
}

/**
 * Ranks images with CLIP in one child process, which ends after some idle minutes. If the process
 * dies, takes too long or runs out of memory, `fallback` ranks the page, and the ranking names its
 * method. This function loads the model once, to check that it can be loaded.
 *
 * @throws ClipModelError when the model cannot be loaded.
 */
export async function createClipRanker(options: ClipRankerOptions): Promise<ImageRanker> {
  const { log, fallback, pagesPerProcess = PAGES_PER_PROCESS, rankTimeoutMs = RANK_TIMEOUT_MS } = options;
  const { model, cacheFolder } = options;
  const { name } = findClipPlace(model);
  // The extension is .ts in the source and another one in the build.
  const here = import.meta.url;
  const pool = createChildPool<ClipRequest, ClipResponse>({
    file: new URL(`./rank-by-clip-process${extname(here)}`, here),
    processes: 1,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    ...(options.env === undefined ? {} : { env: options.env }),
    // Ending the process would make the next page wait for the model to load again. The timeout
    // limits work whose result nobody wants any more.
    endWhenAborted: false,
    isLast: (response) =>
      !('scores' in response) || response.pages >= pagesPerProcess || response.grownBytes > MAX_GROWTH_BYTES,
  });

  async function send(title: string, images: readonly Uint8Array[], timeoutMs: number, requester: Requester) {
    const response = await pool.send({ model, cacheFolder, title, images }, { ...requester, timeoutMs });
    if ('unusable' in response) throw new ClipModelError(response.unusable);
    if ('failed' in response) throw new Error(response.failed);
    return response.scores;
  }

  try {
    await send('', [], LOAD_TIMEOUT_MS, { owner: '', signal: new AbortController().signal });
  } catch (error) {
    pool.close();
    if (error instanceof ClipModelError) throw error;
    throw new ClipModelError(`loading it failed: ${(error as Error).message}`, { cause: error });
  }

  return {
    name: `clip ${name}`,
    async rank(images, product, requester) {
      const { signal } = requester;
      try {
        signal.throwIfAborted();
        const views = await Promise.all(
          images.map(({ original }) => options.images.makeView(original, requester)),
        );
        const scores = await send(product.title, views, rankTimeoutMs, requester);
        const ranked = images
          .map((image, at) => ({ image, score: scores[at] ?? 0 }))
          .sort((a, b) => b.score - a.score);
        return { method: 'clip', model: name, ranked };
      } catch (err) {
        signal.throwIfAborted();
        log.warn({ err, model: name }, 'CLIP could not rank the images of a page; ranking them by rules');
        return fallback.rank(images, product, requester);
      }
    },
    async close() {
      pool.close();
    },
  };
}
