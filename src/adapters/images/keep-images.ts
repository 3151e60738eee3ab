import type { Requester } from '../../lib/fair-limit.ts';
import type { CollectedImage } from './collect-images.ts';
import { type KeptPicture, keepPicture } from './keep-picture.ts';
import type { RankedImage } from './ranker.ts';

/** A chosen picture: what was known of it, how it ranked, and our own copy. */
export type ChosenImage = Omit<CollectedImage, 'original'> & KeptPicture & { readonly score: number };

/**
 * Makes our own copies of the best `count` pictures. One that turns out to be broken leaves its place to the next; perhaps
 * none is left.
 *
 * @throws `signal.reason` when the signal aborts; nothing else.
 */
export async function keepImages(
  ranked: readonly RankedImage[],
  { count, signal }: Requester & { readonly count: number },
): Promise<ChosenImage[]> {
  const kept: ChosenImage[] = [];
  for (let next = 0; kept.length < count && next < ranked.length; ) {
    const some = ranked.slice(next, next + count - kept.length);
    next += some.length;
    const copies = await Promise.all(some.map(keep));
    signal.throwIfAborted();
    kept.push(...copies.filter((copy) => copy !== undefined));
  }
  return kept;
}

async function keep({ image, score }: RankedImage): Promise<ChosenImage | undefined> {
  const { original, ...facts } = image;
  try {
    return { ...facts, score, ...(await keepPicture(image)) };
  } catch {
    return undefined;
  }
}
