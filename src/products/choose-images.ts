/**
 * Gives each of `count` previews one of the ranked pictures, best first. Fewer pictures than previews: the list is
 * gone round again (the fill-up loop). Answers the index of the picture of each preview; `pictures` is at least 1.
 */
export function chooseImages(pictures: number, count: number): number[] {
  return Array.from({ length: count }, (_, position) => position % pictures);
}
