import pLimit from 'p-limit';
import { AppError } from '../../lib/app-error.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { FetchBytes } from '../net/guarded-fetch.ts';
import type { CandidateImage } from '../page/page-product.ts';
import { hasKilledDecoder, type ImageDecoder } from './image-decoder.ts';
import {
  COLLECT_TIMEOUT_MS,
  DOWNLOADS_AT_ONCE,
  MAX_ASPECT_RATIO,
  MAX_DUPLICATE_COLOR_DISTANCE,
  MAX_DUPLICATE_DISTANCE,
  MAX_IMAGE_BYTES,
  MAX_KILLED,
  MIN_ENTROPY,
  MIN_SIDE,
} from './image-limits.ts';
import type { InspectedImage } from './inspect-image.ts';
import { isAlike } from './measure-thumb.ts';

/** A candidate image that was downloaded and can be used. `width` and `height` are measured. */
export type CollectedImage = Omit<CandidateImage, 'width' | 'height'> & InspectedImage;

export interface CollectImagesDeps {
  readonly fetchBytes: FetchBytes;
  readonly images: Pick<ImageDecoder, 'inspect'>;
}

export interface CollectImagesOptions extends Requester {
  /** The page of the product: some shops serve images only to their own pages. */
  readonly refererUrl?: string;
}

/**
 * AVIF is supported but not requested: it takes ten times as long to decode as a JPEG of its size.
 */
const ACCEPT = 'image/webp,image/png,image/jpeg,image/gif;q=0.9,*/*;q=0.1';

/**
 * Downloads the candidates and returns those that can be used, in the same order. Drops images that
 * fail and images that are too small, too narrow or plain. Of equal images, keeps the largest at
 * the best position. The result may be empty.
 *
 * @throws `signal.reason` when the signal aborts; an AppError `internal` when the result is empty
 *   and an image could not be decoded for a reason other than the image itself.
 */
export async function collectImages(
  { fetchBytes, images }: CollectImagesDeps,
  candidates: readonly CandidateImage[],
  options: CollectImagesOptions,
): Promise<CollectedImage[]> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), COLLECT_TIMEOUT_MS);
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  let fault: AppError | undefined;
  let killed = 0;
  const referer = options.refererUrl === undefined ? {} : { referer: options.refererUrl };
  try {
    const collected = await pLimit(DOWNLOADS_AT_ONCE).map(candidates, async (candidate) => {
      try {
        signal.throwIfAborted();
        const { body } = await fetchBytes(candidate.url, {
          accept: ACCEPT,
          maxBytes: MAX_IMAGE_BYTES,
          owner: options.owner,
          signal,
          ...referer,
        });
        // A page whose images kill several decoders is hostile, so stop decoding them.
        if (killed >= MAX_KILLED) return undefined;
        return { ...candidate, ...(await images.inspect(body, { owner: options.owner, signal })) };
      } catch (error) {
        options.signal.throwIfAborted();
        if (isOurFault(error)) fault = error;
        if (hasKilledDecoder(error)) killed += 1;
        return undefined;
      }
    });
    const usable = collected.filter((image) => image !== undefined).filter(isUsable);
    if (usable.length === 0 && fault !== undefined) throw fault;
    return dropDuplicates(usable);
  } finally {
    clearTimeout(timer);
  }
}

function isOurFault(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'internal';
}

function isUsable({ width, height, entropy }: InspectedImage): boolean {
  const [short, long] = width < height ? [width, height] : [height, width];
  return short >= MIN_SIDE && long / short <= MAX_ASPECT_RATIO && entropy >= MIN_ENTROPY;
}

const SAME = { hash: MAX_DUPLICATE_DISTANCE, color: MAX_DUPLICATE_COLOR_DISTANCE };

function dropDuplicates(images: readonly CollectedImage[]): CollectedImage[] {
  const unique: CollectedImage[] = [];
  for (const image of images) {
    const at = unique.findIndex((other) => isAlike(image, other, SAME));
    const known = unique[at];
    if (known === undefined) unique.push(image);
    else if (image.width * image.height > known.width * known.height) {
      // Keep the larger image, with the position and the text of the first one on the page.
      const { source, position, alt } = known;
      unique[at] = { ...image, source, position, alt: alt ?? image.alt };
    }
  }
  return unique;
}
