import { once } from 'node:events';
import { extname } from 'node:path';
import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import type { Log } from '../../lib/log.ts';
import { ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { findClipPlace } from './find-clip-place.ts';
import { makeView } from './keep-picture.ts';
import type { ClipAnswer, ClipTask } from './rank-by-clip-thread.ts';
import type { ImageRanker } from './ranker.ts';

/** A new thread after so many pages: what the model's native part does not give back ends with the thread. */
const PAGES_PER_THREAD = 300;
/** And when its objects have grown by so much since it loaded the model. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** For a thread's objects, in MB. Weights and pixels are not among them. */
const HEAP_MB = 512;
/** Twenty pictures through the largest usual model, on two slow cores, and loading it anew before that. */
const RANK_TIMEOUT_MS = 180_000;
/** Fetching over half a gigabyte included. */
const LOAD_TIMEOUT_MS = 30 * 60_000;

export interface ClipRankerOptions extends ClipModelOptions {
  readonly log: Log;
  /** Ranks a page whose pictures the model could not rank. */
  readonly fallback: ImageRanker;
  readonly pagesPerThread?: number;
  readonly rankTimeoutMs?: number;
}

/**
 * Ranks pictures with CLIP, in one thread that has the model. A page that fails there (the thread died, took too long, or ran
 * out of memory) is ranked by `fallback`, whose method its ranking names.
 *
 * @throws ClipModelError when the model cannot be loaded.
 */
export async function createClipRanker(options: ClipRankerOptions): Promise<ImageRanker> {
  const { log, fallback, pagesPerThread = PAGES_PER_THREAD, rankTimeoutMs = RANK_TIMEOUT_MS } = options;
  const { model, cacheFolder } = options;
  const { name } = findClipPlace(model);
  /** One page after the other, so that a thread is never replaced while it has another one's pictures. */
  const inTurn = pLimit(1);
  let thread = openThread(log);
  let isClosed = false;
  let pages = 0;
  let loadedBytes = 0;
  let memoryBytes = 0;

  async function ask(title: string, pictures: readonly Uint8Array[], signal: AbortSignal) {
    const answer = await thread.run({ model, cacheFolder, title, pictures }, { signal });
    if ('unusable' in answer) throw new ClipModelError(answer.unusable);
    memoryBytes = answer.memoryBytes;
    if (pages === 0) loadedBytes = memoryBytes;
    pages += 1;
    return answer.scores;
  }

  async function renewThread() {
    await thread.destroy();
    if (isClosed) throw new Error('the ranker was closed');
    thread = openThread(log);
    pages = 0;
  }

  try {
    await ask('', [], AbortSignal.timeout(LOAD_TIMEOUT_MS));
  } catch (error) {
    await thread.destroy();
    if (error instanceof ClipModelError) throw error;
    throw new ClipModelError(`loading it failed: ${(error as Error).message}`, { cause: error });
  }

  return {
    name: `clip ${name}`,
    async rank(images, product, signal) {
      try {
        const scoring = inTurn(async () => {
          signal.throwIfAborted();
          if (pages > pagesPerThread || memoryBytes - loadedBytes > MAX_GROWTH_BYTES) await renewThread();
          const views = await Promise.all(images.map((image) => makeView(image.original)));
          signal.throwIfAborted();
          try {
            // Not with the page's signal: ending a task ends the thread, and the next page would wait for the model again.
            return await ask(product.title, views, AbortSignal.timeout(rankTimeoutMs));
          } catch (error) {
            await renewThread();
            throw error;
          }
        });
        const scores = await unlessAborted(scoring, signal);
        const ranked = images
          .map((image, at) => ({ image, score: scores[at] ?? 0 }))
          .sort((a, b) => b.score - a.score);
        return { method: 'clip', model: name, ranked };
      } catch (err) {
        signal.throwIfAborted();
        log.warn(
          { err, model: name },
          'CLIP could not rank the pictures of a page; they are ranked by rules',
        );
        return fallback.rank(images, product, signal);
      }
    },
    close() {
      isClosed = true;
      return thread.destroy();
    },
  };
}

/** The result, or the reason of the signal if that aborts before: then what is under way ends unheard. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = new AbortController();
  const aborted = once(signal, 'abort', { signal: ended.signal }).then(
    () => signal.throwIfAborted() as never,
  );
  aborted.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    ended.abort();
    work.catch(() => {});
  }
}

function openThread(log: Log): Piscina<ClipTask, ClipAnswer> {
  // The file beside this one, whether as TypeScript or as it was built.
  const here = import.meta.url;
  const pool = new Piscina<ClipTask, ClipAnswer>({
    filename: new URL(`./rank-by-clip-thread${extname(here)}`, here).href,
    minThreads: 1,
    maxThreads: 1,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  // A thread that dies between two pages: the pool has a new one then.
  pool.on('error', (err: unknown) => log.warn({ err }, 'the CLIP thread had to be replaced'));
  return pool;
}
