/**
 * Gives each of `count` previews one of the ranked images, best first. If there are fewer images
 * than previews, it starts again with the best one. Returns the index of each preview's image.
 * `images` is the number of images, at least 1.
 */
export function chooseImages(images: number, count: number): number[] {
  return Array.from({ length: count }, (_, position) => position % images);
}
