import { AppError } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { CollectedImage } from './collect-images.ts';
import type { ImageCopy } from './copy-image.ts';
import { hasKilledDecoder, type ImageDecoder } from './image-decoder.ts';
import { MAX_KILLED } from './image-limits.ts';
import type { RankedImage } from './ranker.ts';

/** A chosen image: its measurements, its rank and our own copy. */
export type ChosenImage = Omit<CollectedImage, 'original'> & ImageCopy & { readonly score: number };

/**
 * Makes our own copies of the best `count` images. The next image replaces one that turns out to be
 * broken. The result may be empty.
 *
 * @throws `signal.reason` when the signal aborts; an AppError `internal` when no image can be
 *   decoded at the moment.
 */
export async function copyImages(
  images: Pick<ImageDecoder, 'copy'>,
  ranked: readonly RankedImage[],
  { count, ...requester }: Requester & { readonly count: number },
): Promise<ChosenImage[]> {
  const chosen: ChosenImage[] = [];
  let killed = 0;
  for (let next = 0; chosen.length < count && next < ranked.length && killed < MAX_KILLED; ) {
    const some = ranked.slice(next, next + count - chosen.length);
    next += some.length;
    const copies = await Promise.all(
      some.map((entry) => copyOne(images, entry, requester, () => (killed += 1))),
    );
    chosen.push(...copies.filter((copy) => copy !== undefined));
  }
  return chosen;
}

async function copyOne(
  images: Pick<ImageDecoder, 'copy'>,
  { image, score }: RankedImage,
  requester: Requester,
  onKilled: () => void,
): Promise<ChosenImage | undefined> {
  const { original, ...facts } = image;
  try {
    return { ...facts, score, ...(await images.copy(image, requester)) };
  } catch (error) {
    if (hasKilledDecoder(error)) onKilled();
    if (error instanceof AppError && error.code === 'no_usable_picture') return undefined;
    throw error;
  }
}
