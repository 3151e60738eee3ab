import type { FakeShop } from '../../test/fakes/fake-shop.ts';

/**
 * Makes the fake shop draw the images of products. It caches them, so drawing does not take part in
 * the measurement.
 */
export async function drawImages(shop: FakeShop, names: readonly string[]): Promise<void> {
  for (const name of names) {
    for (let index = 1; index <= 4; index += 1) {
      const response = await fetch(`${shop.origin}/images/${name}-${index}.jpg`);
      await response.arrayBuffer();
    }
  }
}
