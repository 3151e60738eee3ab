import { MAX_NEAR_COLOUR_DISTANCE, MAX_NEAR_DISTANCE } from './image-limits.ts';
import { isAlike } from './measure-thumb.ts';
import type { RankedImage } from './ranker.ts';

const NEAR = { hash: MAX_NEAR_DISTANCE, colour: MAX_NEAR_COLOUR_DISTANCE };

/**
 * Puts images that nearly equal a better one behind all others, so that the first few differ while others are left.
 * Nothing is dropped, and among each kind the order stays.
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
