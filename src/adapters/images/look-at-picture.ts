import { MAX_HELD_BYTES, THUMB_SIDE } from './image-limits.ts';
import { encodePicture } from './keep-picture.ts';
import { type ImageTraits, measureThumb } from './measure-thumb.ts';
import { type OpenPicture, readPicture } from './read-picture.ts';

/** A picture that was looked at from afar: enough to choose by, and cheap, as most are not chosen. */
export interface SeenPicture extends ImageTraits {
  /** As it came, or smaller: to be decoded once more if it is chosen (`keepPicture`). */
  readonly original: Buffer;
  readonly isTransparent: boolean;
  /** Of the picture as it came, turned upright. */
  readonly width: number;
  readonly height: number;
}

/** A pixel of the thumbnail that is less opaque than this is a hole. Soft edges are not. */
const HOLE = 128;
/** A few holes do not make a picture transparent. */
const MIN_TRANSPARENT_SHARE = 0.005;

/** Looks at a picture by its thumbnail. Throws as `readPicture` does. */
export function lookAtPicture(bytes: Buffer): Promise<SeenPicture> {
  return readPicture(bytes, async (picture) => {
    const { metadata } = picture;
    const thumb = await picture
      .pixels()
      .resize(THUMB_SIDE, THUMB_SIDE, { fit: 'fill' })
      .ensureAlpha()
      .raw()
      .toBuffer();
    const isTransparent = metadata.hasAlpha && hasHoles(thumb);
    return {
      original: await makeSmall(picture, isTransparent),
      isTransparent,
      width: metadata.autoOrient.width,
      height: metadata.autoOrient.height,
      ...measureThumb(thumb),
    };
  });
}

/** Twenty of them are held for each page: those that are heavy are encoded anew at once. */
async function makeSmall(picture: OpenPicture, isTransparent: boolean): Promise<Buffer> {
  return picture.bytes.length <= MAX_HELD_BYTES ? picture.bytes : encodePicture(picture, isTransparent);
}

function hasHoles(rgba: Buffer): boolean {
  let holes = 0;
  for (let at = 3; at < rgba.length; at += 4) if ((rgba[at] ?? 0) < HOLE) holes += 1;
  return holes > (rgba.length / 4) * MIN_TRANSPARENT_SHARE;
}
