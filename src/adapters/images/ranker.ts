import type { CollectedImage } from './collect-images.ts';

/** A picture and how well it shows the product: 0 to 1. */
export interface RankedImage {
  readonly image: CollectedImage;
  readonly score: number;
}

/** The port for choosing pictures. What ranked, and with which model, is stored with the result. */
export interface ImageRanker {
  readonly method: 'clip' | 'heuristic';
  readonly model: string | null;
  /** All the pictures, best first. The same input gives the same order. */
  rank(images: readonly CollectedImage[], product: { readonly title: string }): Promise<RankedImage[]>;
}
