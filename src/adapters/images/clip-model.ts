/** Where a model comes from, and where what was fetched is kept. */
export interface ClipModelOptions {
  /** A hub id such as `Xenova/clip-vit-base-patch32`, or a folder with such a model. */
  readonly model: string;
  readonly cacheFolder: string;
}

/** A CLIP model in memory. Vectors have the length 1. */
export interface ClipModel {
  embedText(text: string): Promise<Float32Array>;
  /** One vector for each image, in their order. All at once: the caller makes the batches. */
  embedImages(images: readonly Uint8Array[]): Promise<Float32Array[]>;
}

/** A model that cannot be loaded; the message is a sentence's end, for the person who named the model. */
export class ClipModelError extends Error {
  override readonly name = 'ClipModelError';
}

/** The length 1 for a vector; throws when there is none, as after an overflow. */
export function normalizeVector(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  if (!(length > 0 && Number.isFinite(length)))
    throw new Error('the model gave a vector without a direction');
  return vector.map((value) => value / length);
}
