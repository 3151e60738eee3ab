import { extname } from 'node:path';
import { createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { Log } from '../../lib/log.ts';
import { ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { findClipPlace } from './find-clip-place.ts';
import type { ImageDecoder } from './image-decoder.ts';
import type { ClipAnswer, ClipTask } from './rank-by-clip.ts';
import type { ImageRanker } from './ranker.ts';

/** A new process after so many pages: what the model's native part does not give back ends with it. */
const PAGES_PER_PROCESS = 300;
/** And when its objects have grown by so much. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** Weights and pixels are not among its objects. */
const HEAP_MB = 512;
/** The model takes half a gigabyte and more, and seconds to load: pages that come one after the other find it loaded. */
const IDLE_MS = 5 * 60_000;
/** Twenty images through the largest usual model, on two slow cores, and loading it anew before that. */
const RANK_TIMEOUT_MS = 180_000;
/** Fetching over half a gigabyte included. */
const LOAD_TIMEOUT_MS = 30 * 60_000;

export interface ClipRankerOptions extends ClipModelOptions {
  readonly log: Log;
  readonly images: Pick<ImageDecoder, 'view'>;
  /** Ranks a page whose images the model could not rank. */
  readonly fallback: ImageRanker;
  /** What the process with the model is told of the environment; nothing if absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly pagesPerProcess?: number;
  readonly rankTimeoutMs?: number;
}

/**
 * Ranks images with CLIP, in one process that has the model; it is there while there is something to rank, and some minutes
 * longer. A page that fails there (the process died, took too long, or ran out of memory) is ranked by `fallback`, whose
 * method its ranking names. The model is loaded once here, to see whether it can be.
 *
 * @throws ClipModelError when the model cannot be loaded.
 */
export async function createClipRanker(options: ClipRankerOptions): Promise<ImageRanker> {
  const { log, fallback, pagesPerProcess = PAGES_PER_PROCESS, rankTimeoutMs = RANK_TIMEOUT_MS } = options;
  const { model, cacheFolder } = options;
  const { name } = findClipPlace(model);
  // The file beside this one, whether as TypeScript or as it was built.
  const here = import.meta.url;
  const pool = createChildPool<ClipTask, ClipAnswer>({
    file: new URL(`./rank-by-clip-process${extname(here)}`, here),
    processes: 1,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    ...(options.env === undefined ? {} : { env: options.env }),
    // The next page would wait for the model again; the time-out bounds what nobody wants any more.
    endWhenAborted: false,
    isLast: (answer) =>
      !('scores' in answer) || answer.pages >= pagesPerProcess || answer.grownBytes > MAX_GROWTH_BYTES,
  });

  async function ask(title: string, images: readonly Uint8Array[], timeoutMs: number, requester: Requester) {
    const answer = await pool.ask({ model, cacheFolder, title, images }, { ...requester, timeoutMs });
    if ('unusable' in answer) throw new ClipModelError(answer.unusable);
    if ('failed' in answer) throw new Error(answer.failed);
    return answer.scores;
  }

  try {
    await ask('', [], LOAD_TIMEOUT_MS, { owner: '', signal: new AbortController().signal });
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
          images.map(({ original }) => options.images.view(original, requester)),
        );
        const scores = await ask(product.title, views, rankTimeoutMs, requester);
        const ranked = images
          .map((image, at) => ({ image, score: scores[at] ?? 0 }))
          .sort((a, b) => b.score - a.score);
        return { method: 'clip', model: name, ranked };
      } catch (err) {
        signal.throwIfAborted();
        log.warn({ err, model: name }, 'CLIP could not rank the images of a page; they are ranked by rules');
        return fallback.rank(images, product, requester);
      }
    },
    async close() {
      pool.close();
    },
  };
}
