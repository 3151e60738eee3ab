/**
 * CLIP's own logit scale after training, the exponential of 4.6052: Radford et al. 2021, section
 * 2.5, clip it there.
 */
const LOGIT_SCALE = 100;

/**
 * Returns how well each image fits the product's text compared with the other texts, from 0 to 1:
 * the softmax over the scaled cosines, at the index of the product's text. Vectors must have length
 * 1.
 */
export function scoreByClip(
  product: Float32Array,
  negatives: readonly Float32Array[],
  images: readonly Float32Array[],
): number[] {
  return images.map((image) => {
    const wanted = LOGIT_SCALE * dot(image, product);
    const others = negatives.map((negative) => Math.exp(LOGIT_SCALE * dot(image, negative) - wanted));
    return 1 / (1 + others.reduce((sum, other) => sum + other, 0));
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}
