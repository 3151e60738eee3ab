import { setTimeout as sleep } from 'node:timers/promises';
import type { ChosenImage } from '../adapters/images/copy-images.ts';
import type { RankedImage } from '../adapters/images/ranker.ts';
import { createFairLimit } from '../lib/fair-limit.ts';
import type { Log } from '../lib/log.ts';
import type { ClaimedSource } from '../pipeline/claim-sources.ts';
import { addImages } from '../products/add-images.ts';
import type { RankingMethod } from '../products/product.ts';
import type { PageReader } from './process-source.ts';

/** The images of a page by rank, and the copies that its previews already have. */
export interface PageImages {
  readonly best: readonly RankedImage[];
  readonly copies: readonly ChosenImage[];
  readonly ranking: RankingMethod;
}

/** Copies the next best images of pages, so that a person can choose another one. */
export interface AlternativesKeeper {
  /**
   * Takes the images of a page. Resolves when the next page may be read: at once, unless many pages
   * of the same workspace or of all workspaces wait. Then it resolves when the copies of this page
   * are made. Never throws.
   */
  keep(source: ClaimedSource, page: PageImages): Promise<void>;
  /** Resolves when no page waits or is being copied. */
  idle(): Promise<void>;
}

/** The most images that are kept for a product. */
const MAX_IMAGES = 8;
/**
 * After this time, the calls of previews that did not have to wait have been sent; copies made
 * earlier would delay them. The copies still exist before the first answer, so a person who opens a
 * finished preview finds them.
 */
const WAIT_MS = 30;
/**
 * Maximum number of pages whose images wait here while the next pages are read: of one workspace,
 * and of all workspaces. Each page holds up to 20 MB. The first limit is lower, so that one
 * workspace cannot use up the second.
 */
const MAX_WAITING = 4;
const MAX_WAITING_TOTAL = 8;
/** For the copies of one page. They take 0.1 s; images that take longer were made to be slow. */
const COPY_TIMEOUT_MS = 10_000;
/** Failed copies after which no more copies of a page are made. */
const MAX_FAILURES = 2;

/**
 * Makes the copies shortly after the page was read, one page at a time: the previews' calls and
 * other pages come first. A failed copy does not affect the others. When `signal` aborts (the
 * program ends), unstored copies are dropped.
 */
export function createAlternativesKeeper(
  deps: Parameters<typeof addImages>[0] & {
    readonly log: Log;
    readonly copyImages: PageReader['copyImages'];
  },
  signal: AbortSignal,
): AlternativesKeeper {
  const oneByOne = createFairLimit(1);
  // Work for pages that wait or are being copied.
  const running = new Set<Promise<void>>();
  // The part of that work whose caller went on, with its workspace. A caller that waits holds its
  // images anyway.
  const unawaited = new Map<Promise<void>, string>();

  async function copy(source: ClaimedSource, alternatives: Alternatives, dueAt: number): Promise<void> {
    const { others, firstRank, ranking } = alternatives;
    await sleep(Math.max(0, dueAt - performance.now()), undefined, { signal });
    const images = await makeCopies(source.workspaceId, others, MAX_IMAGES - firstRank);
    await addImages(deps, source, { images, firstRank, ranking });
  }

  /** Returns up to `count` copies. Stops early when the time is over or too many have failed. */
  async function makeCopies(
    owner: string,
    others: readonly RankedImage[],
    count: number,
  ): Promise<ChosenImage[]> {
    const images: ChosenImage[] = [];
    const timeout = AbortSignal.timeout(COPY_TIMEOUT_MS);
    let failures = 0;
    for (const other of others) {
      if (images.length >= count || failures >= MAX_FAILURES || timeout.aborted) break;
      const combined = AbortSignal.any([signal, timeout]);
      const copies = await deps
        .copyImages([other], { count: 1, owner, signal: combined })
        .catch((error: unknown) => {
          if (!timeout.aborted || signal.aborted) throw error;
          return [];
        });
      images.push(...copies);
      if (copies.length === 0) failures += 1;
    }
    return images;
  }

  return {
    async keep(source, page) {
      const alternatives = findAlternatives(page);
      if (alternatives.others.length === 0 || alternatives.firstRank >= MAX_IMAGES) return;
      const dueAt = performance.now() + WAIT_MS;
      const work = oneByOne
        .run({ owner: source.workspaceId, signal }, () => copy(source, alternatives, dueAt))
        .catch((err: unknown) => {
          if (signal.aborted) return;
          deps.log.warn(
            { err, sourceId: source.sourceId },
            'alternative images of a product could not be copied',
          );
        })
        .finally(() => {
          running.delete(work);
          unawaited.delete(work);
        });
      running.add(work);
      const ofWorkspace = [...unawaited.values()].filter((owner) => owner === source.workspaceId);
      if (ofWorkspace.length >= MAX_WAITING || unawaited.size >= MAX_WAITING_TOTAL) return work;
      unawaited.set(work, source.workspaceId);
    },
    async idle() {
      await Promise.all(running);
    },
  };
}

interface Alternatives {
  /** The images that no preview uses. */
  readonly others: readonly RankedImage[];
  readonly firstRank: number;
  readonly ranking: RankingMethod;
}

function findAlternatives({ best, copies, ranking }: PageImages): Alternatives {
  const used = new Set(copies.map(({ url }) => url));
  return { others: best.filter(({ image }) => !used.has(image.url)), firstRank: copies.length, ranking };
}
