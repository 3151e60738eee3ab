/**
 * Gives each of `count` previews one of the ranked images, best first. Fewer images than previews: the list is
 * gone round again (the fill-up loop). Returns the index of the image of each preview; `images` is at least 1.
 */
export function chooseImages(images: number, count: number): number[] {
  return Array.from({ length: count }, (_, position) => position % images);
}
