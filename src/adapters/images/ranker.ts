import type { Requester } from '../../lib/fair-limit.ts';
import type { CollectedImage } from './collect-images.ts';

/** An image and how well it shows the product: 0 to 1. */
export interface RankedImage {
  readonly image: CollectedImage;
  readonly score: number;
}

/** Images in order, and what put them in it: that is stored with the result. */
export interface Ranking {
  readonly method: 'clip' | 'heuristic';
  /** The name of the model, if one ranked. */
  readonly model: string | null;
  /** All the images, best first. */
  readonly ranked: readonly RankedImage[];
}

/** The port for choosing images. */
export interface ImageRanker {
  /** What is meant to rank; a single page may be ranked by another method, which its `Ranking` says. */
  readonly name: string;
  /**
   * The same input gives the same order.
   *
   * @throws `signal.reason` when the signal aborts; nothing else.
   */
  rank(
    images: readonly CollectedImage[],
    product: { readonly title: string },
    requester: Requester,
  ): Promise<Ranking>;
  close(): Promise<void>;
}
