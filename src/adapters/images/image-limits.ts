/** Bytes of one image as the shop sends it. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

/**
 * Pixels of an image, checked in its header before decoding. Formats that are decoded as a whole
 * (progressive JPEG, WebP, GIF) take up to 8 bytes per pixel.
 */
export const MAX_PIXELS = 25_000_000;

/**
 * The same for AVIF, which takes 20 bytes or more per pixel, and 0.2 s per million pixels. Allows
 * images of 4096 x 4096.
 */
export const MAX_AVIF_PIXELS = 17_000_000;

/** Larger files are encoded again when they are measured: each page holds twenty in memory. */
export const MAX_HELD_BYTES = 1024 * 1024;

/** Width and height of the thumbnail from which an image is measured. */
export const THUMB_SIDE = 64;

/** Longest side of an image that a model receives: a little more than CLIP uses. */
export const VIEW_SIDE = 336;

/** Longest side of a stored image: enough for any preview, and small for the database. */
export const MAX_COPY_SIDE = 1200;

/** An image with a shorter side is a thumbnail or an icon. */
export const MIN_SIDE = 120;

/** An image that is wider or taller than this is a banner or a strip of swatches. */
export const MAX_ASPECT_RATIO = 4;

/**
 * Bits of entropy of the brightness. A plain color has 0, a product on white at least 1, a
 * photograph 6 to 8.
 */
export const MIN_ENTROPY = 0.5;

/**
 * Maximum number of different hash bits, of 64, if one image is a copy of the other in another size
 * or quality.
 */
export const MAX_DUPLICATE_DISTANCE = 5;

/**
 * Maximum distance of the mean RGB colors of two copies of an image: the hash compares only shapes.
 * Encoders change the distance by 1 or 2.
 */
export const MAX_DUPLICATE_COLOR_DISTANCE = 8;

/** The same two limits for nearly equal images: another crop, a slightly different angle. */
export const MAX_NEAR_DISTANCE = 10;
export const MAX_NEAR_COLOR_DISTANCE = 24;

/** Concurrent downloads for one page. Limits memory to that many images of full size. */
export const DOWNLOADS_AT_ONCE = 4;

/** For all images of a page together. Images that arrive in time are kept. */
export const COLLECT_TIMEOUT_MS = 60_000;

/**
 * For the work on one image, in its own process. The slowest images within the limits (AVIF, 4096 x
 * 4096) take 3.4 s on an idle machine, and 8.2 s with four busy programs per core. With an alpha
 * plane of that size they take twice as long, and may fail on such a busy machine.
 */
export const DECODE_TIMEOUT_MS = 10_000;

/** Resident memory of a decoding process. The largest images that are allowed take up to 400 MB. */
export const MAX_DECODER_MB = 600;

/** Longest side of a stored background. */
export const MAX_BACKGROUND_SIDE = 1536;

/** Bytes of a stored background. */
export const MAX_BACKGROUND_BYTES = 2 * 1024 * 1024;

/** After a page's images have killed this many decoders, the rest of its images are skipped. */
export const MAX_KILLED = 2;
