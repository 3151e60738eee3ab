/** Which model to use, and where to cache its downloaded files. */
export interface ClipModelOptions {
  /** A hub id such as `Xenova/clip-vit-base-patch32`, or a folder with such a model. */
  readonly model: string;
  readonly cacheFolder: string;
}

/** A CLIP model in memory. All its vectors have length 1. */
export interface ClipModel {
  embedText(text: string): Promise<Float32Array>;
  /**
   * Returns one vector per image, in the same order. Runs all images at once, so the caller must
   * split them into batches.
   */
  embedImages(images: readonly Uint8Array[]): Promise<Float32Array[]>;
}

/**
 * The model cannot be loaded. The message ends a sentence for the person who configured the model.
 */
export class ClipModelError extends Error {
  override readonly name = 'ClipModelError';
}

/** Scales a vector to length 1. Throws if that is impossible, for example after an overflow. */
export function normalizeVector(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  if (!(length > 0 && Number.isFinite(length)))
    throw new Error('the model gave a vector without a direction');
  return vector.map((value) => value / length);
}
