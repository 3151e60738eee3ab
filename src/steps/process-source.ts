import type { CollectedImage } from '../adapters/images/collect-images.ts';
import type { ChosenImage, keepImages } from '../adapters/images/keep-images.ts';
import { preferDifferent } from '../adapters/images/prefer-different.ts';
import type { ImageRanker, RankedImage } from '../adapters/images/ranker.ts';
import type { CandidateImage, PageProduct } from '../adapters/page/page-product.ts';
import { takeGivenProduct } from '../adapters/page/take-given-product.ts';
import { assignPictures } from '../batches/assign-pictures.ts';
import type { ClaimedSource } from '../batches/claim-sources.ts';
import { settleSourceFailure } from '../batches/settle-source-failure.ts';
import { AppError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import { addPictures } from '../products/add-pictures.ts';
import type { RankingMethod } from '../products/product.ts';
import { done, dropped } from '../queue/outcome.ts';
import { type Step, throughOutages } from '../queue/run-job.ts';

/** Reading a page and its pictures, as the adapters do it. */
export interface PageReader {
  /** Fetches and reads a page. Throws an `AppError` that says why it cannot be used. */
  readPage(url: string, signal: AbortSignal): Promise<PageProduct>;
  /** Downloads pictures and looks at them; those that cannot be used are left out. */
  collectImages(
    candidates: readonly CandidateImage[],
    pageUrl: string,
    signal: AbortSignal,
  ): Promise<CollectedImage[]>;
  /** Makes our own copies of the best ones; see `keepImages`. */
  readonly keepImages: typeof keepImages;
}

/** What the features need, a reader and a ranker. */
export type ProcessSourceDeps = Parameters<typeof assignPictures>[0] &
  Parameters<typeof addPictures>[0] & {
    readonly log: Log;
    readonly pages: PageReader;
    readonly ranker: ImageRanker;
  };

/** `source.process`: page (or what was given in its place) -> product -> pictures -> ranking -> the source's previews are queued. */
export function processSource(deps: ProcessSourceDeps): Step<ClaimedSource> {
  return {
    name: 'source.process',
    describe: ({ batchId, sourceId, attempt }) => ({ batchId, sourceId, attempt }),
    async run(source, signal) {
      const product = source.given
        ? takeGivenProduct(source.url, source.given)
        : await deps.pages.readPage(source.url, signal);
      const images = await deps.pages.collectImages(product.images, product.address, signal);
      if (images.length === 0) throw new AppError('no_usable_picture');
      const { ranked, ...ranking } = await deps.ranker.rank(images, { title: product.title }, signal);
      const best = preferDifferent(ranked);
      const pictures = await deps.pages.keepImages(best, { count: source.batchSize, signal });
      const page = { product, pictures, ranking };
      const assigned = await throughOutages(() => assignPictures(deps, source, page), { signal });
      if (!assigned) return dropped('deleted, or handed to another worker');
      await keepSpares(deps, source, { best, kept: pictures, ranking }, signal);
      return done;
    },
    settleFailure: (source, error) => settleSourceFailure(deps, source, error),
  };
}

/** Pictures of a product that are kept, for a person to choose another one from. */
const MOST_PICTURES = 8;

/** Copies of the next best pictures. The previews have theirs by now and do not wait; whatever fails here fails alone. */
async function keepSpares(
  deps: ProcessSourceDeps,
  source: ClaimedSource,
  page: { best: readonly RankedImage[]; kept: readonly ChosenImage[]; ranking: RankingMethod },
  signal: AbortSignal,
): Promise<void> {
  const used = new Set(page.kept.map((picture) => picture.url));
  const others = page.best.filter(({ image }) => !used.has(image.url));
  const count = MOST_PICTURES - page.kept.length;
  try {
    // One after the other: the previews' calls, which begin now, come first.
    const pictures: ChosenImage[] = [];
    for (const other of others) {
      if (pictures.length >= count) break;
      pictures.push(...(await deps.pages.keepImages([other], { count: 1, signal })));
    }
    await addPictures(deps, source, { pictures, firstRank: page.kept.length, ranking: page.ranking });
  } catch (error) {
    // Told to end: then nobody needs to hear it.
    if (!signal.aborted)
      deps.log.warn(
        { err: error, sourceId: source.sourceId },
        'more pictures of a product could not be kept',
      );
  }
}
