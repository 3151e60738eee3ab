import type { CollectedImage } from '../adapters/images/collect-images.ts';
import type { ChosenImage } from '../adapters/images/copy-images.ts';
import { preferDifferent } from '../adapters/images/prefer-different.ts';
import type { ImageRanker, RankedImage } from '../adapters/images/ranker.ts';
import { takeGivenProduct } from '../adapters/page/facts/take-given-product.ts';
import type { CandidateImage, PageProduct } from '../adapters/page/page-product.ts';
import { AppError } from '../lib/app-error.ts';
import type { Requester } from '../lib/fair-limit.ts';
import { assignImages } from '../pipeline/assign-images.ts';
import type { ClaimedSource } from '../pipeline/claim-sources.ts';
import { settleSourceFailure } from '../pipeline/settle-source-failure.ts';
import { done, dropped } from '../queue/outcome.ts';
import { retryThroughOutages, type Step } from '../queue/run-job.ts';
import type { AlternativesKeeper } from './keep-alternatives.ts';

/** Reads pages and their images; adapters implement it. */
export interface PageReader {
  /** Fetches and reads a page. Throws an `AppError` that says why the page cannot be used. */
  readPage(url: string, requester: Requester): Promise<PageProduct>;
  /** Downloads and inspects images; leaves out unusable ones. */
  collectImages(
    candidates: readonly CandidateImage[],
    pageUrl: string,
    requester: Requester,
  ): Promise<CollectedImage[]>;
  /** Makes our own copies of the best images; see `copyImages`. */
  copyImages(
    ranked: readonly RankedImage[],
    options: Requester & { readonly count: number },
  ): Promise<ChosenImage[]>;
}

/** The dependencies of the features, and the services for pages and ranking. */
export type ProcessSourceDeps = Parameters<typeof assignImages>[0] & {
  readonly pages: PageReader;
  readonly ranker: ImageRanker;
  readonly alternatives: AlternativesKeeper;
};

/**
 * `source.process`: reads a page (or takes the given product), ranks its images, and queues the
 * previews of the source.
 */
export function processSource(deps: ProcessSourceDeps): Step<ClaimedSource> {
  return {
    jobOf: () => 'source.process',
    describe: ({ batchId, sourceId, attempt }) => ({ batchId, sourceId, attempt }),
    async run(source, signal) {
      const requester = { owner: source.workspaceId, signal };
      const product = source.given
        ? takeGivenProduct(source.url, source.given)
        : await deps.pages.readPage(source.url, requester);
      const images = await deps.pages.collectImages(product.images, product.address, requester);
      if (images.length === 0) throw new AppError('no_usable_picture');
      const { ranked, ...ranking } = await deps.ranker.rank(images, { title: product.title }, requester);
      const best = preferDifferent(ranked);
      const copies = await deps.pages.copyImages(best, { count: source.batchSize, ...requester });
      const page = { product, images: copies, ranking };
      const assigned = await retryThroughOutages(() => assignImages(deps, source, page), { signal });
      if (!assigned) return dropped('deleted, or requeued to another worker');
      await deps.alternatives.keep(source, { best, copies, ranking });
      return done;
    },
    settleFailure: (source, error) => settleSourceFailure(deps, source, error),
  };
}
