import { MAX_NEAR_COLOR_DISTANCE, MAX_NEAR_DISTANCE } from './image-limits.ts';
import { isAlike } from './measure-thumb.ts';
import type { RankedImage } from './ranker.ts';

const NEAR = { hash: MAX_NEAR_DISTANCE, color: MAX_NEAR_COLOR_DISTANCE };

/**
 * Moves images that nearly equal a better one behind all others, so that the first ones differ.
 * Drops nothing, and keeps the order within both groups.
 */
export function preferDifferent(ranked: readonly RankedImage[]): RankedImage[] {
  const different: RankedImage[] = [];
  const repeats: RankedImage[] = [];
  for (const entry of ranked) {
    const isRepeat = different.some(({ image }) => isAlike(image, entry.image, NEAR));
    (isRepeat ? repeats : different).push(entry);
  }
  return [...different, ...repeats];
}
