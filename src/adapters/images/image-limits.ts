/** Bytes of one picture as it comes from the shop. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

/**
 * Pixels of an image, known from its header before any is decoded. What is decoded as a whole (progressive JPEG, WebP,
 * GIF) takes up to 8 bytes for each.
 */
export const MAX_PIXELS = 25_000_000;

/** The same for AVIF, which takes 20 bytes and more for each, and 0.2 s for a million. 4096 x 4096 passes. */
export const MAX_AVIF_PIXELS = 17_000_000;

/** Heavier ones are encoded anew as soon as they are seen: twenty are held for each page. */
export const MAX_HELD_BYTES = 1024 * 1024;

/** Both sides of the thumbnail by which a picture is measured. */
export const THUMB_SIDE = 64;

/** Longest side of what a model is shown: a little more than CLIP looks at. */
export const VIEW_SIDE = 336;

/** Longest side of the pictures kept: enough for any preview, and little for the database. */
export const MAX_KEPT_SIDE = 1200;

/** A picture with a shorter side is a thumbnail or an icon. */
export const MIN_SIDE = 120;

/** Wider (or taller) than this is a banner or a strip of swatches. */
export const MAX_ASPECT_RATIO = 4;

/** Bits of entropy of the brightness; a plain colour has 0, a photograph 6 to 8, a product on white at least 1. */
export const MIN_ENTROPY = 0.5;

/** Differing bits, of 64, up to which two pictures are the same one in another size or quality. */
export const MAX_DUPLICATE_DISTANCE = 5;

/** Distance of their mean colours, in RGB, up to which the same shapes are the same picture; encoders move it by 1 or 2. */
export const MAX_DUPLICATE_COLOUR_DISTANCE = 8;

/** The same two bounds for pictures that look nearly equal: another crop, a slightly other angle. */
export const MAX_NEAR_DISTANCE = 10;
export const MAX_NEAR_COLOUR_DISTANCE = 24;

/** Downloads at once for one page: bounds memory to that many pictures of full size. */
export const DOWNLOADS_AT_ONCE = 4;

/** For all pictures of a page together; those that came in time are kept. */
export const COLLECT_TIMEOUT_MS = 60_000;

/**
 * For the work on one image, in a process of its own. The slowest images that the limits let in
 * (AVIF of 4096 x 4096) take 3.4 s on an idle machine, and 8.2 s with four busy programs for each core.
 * With an alpha plane of that size they take twice as long, and may fail on such a machine.
 */
export const DECODE_TIMEOUT_MS = 10_000;

/** Resident memory of a decoding process. The largest images that the limits let in take up to 400 MB. */
export const MAX_DECODER_MB = 600;

/** Longest side of a background that is kept. */
export const MAX_BACKGROUND_SIDE = 1536;

/** Bytes of a background that is kept. */
export const MAX_BACKGROUND_BYTES = 2 * 1024 * 1024;

/** Decoders that images of one page may end before the rest of its images are left out. */
export const MAX_KILLED = 2;
