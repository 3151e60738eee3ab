import type { Requester } from '../../lib/fair-limit.ts';
import type { CollectedImage } from './collect-images.ts';

/** An image and its score from 0 to 1: how well it shows the product. */
export interface RankedImage {
  readonly image: CollectedImage;
  readonly score: number;
}

/** Ranked images and the method that ranked them, which is stored with the result. */
export interface Ranking {
  readonly method: 'clip' | 'heuristic';
  /** The name of the model, or null for a method without a model. */
  readonly model: string | null;
  /** All images, the best first. */
  readonly ranked: readonly RankedImage[];
}

/** The port for choosing images. */
export interface ImageRanker {
  /** The usual method. Another method may rank a single page; its `Ranking` says which. */
  readonly name: string;
  /**
   * Deterministic: the same input gives the same order.
   *
   * @throws only `signal.reason`, when the signal aborts.
   */
  rank(
    images: readonly CollectedImage[],
    product: { readonly title: string },
    requester: Requester,
  ): Promise<Ranking>;
  close(): Promise<void>;
}
