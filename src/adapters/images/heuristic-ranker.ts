import type { CollectedImage } from './collect-images.ts';
import type { ImageRanker } from './ranker.ts';

/**
 * The weight of each signal; the sum is 1.
 * - source: shops keep their structured data correct, because search engines show it. This is the
 *   strongest signal.
 * - position: the first image of a gallery is the shop's own choice.
 * - alt: an image whose text is like the title shows the product. Many shops have no such text, so
 *   it cannot weigh more.
 * - border: an image with a plain background shows the product alone. Others show a room, a model
 *   or an advertisement.
 * - share: a product fills its frame. A small thing on a large background is an icon or an
 *   accessory.
 * - size: shops give the product more pixels than everything around it.
 * - aspect: images of products are nearly square; banners are wide.
 */
const WEIGHTS = {
  source: 0.28,
  position: 0.22,
  alt: 0.16,
  border: 0.1,
  share: 0.08,
  size: 0.08,
  aspect: 0.08,
};

/** Reduces the score of an image whose file name or text says that it shows no product. */
const DECORATION_FACTOR = 0.5;
/** Words of the title do not count, because the product itself may be a chart or an icon. */
const DECORATION =
  /^(?:logos?|icons?|banners?|badges?|placeholder|sprites?|payments?|shipping|newsletter|sizechart|sizeguide|sizing|chart|guide|measurements?|swatch(?:es)?|certificates?|avatar|favicon)$/;

/** og:image is chosen by hand, but for sharing: sometimes it is a collage or contains a logo. */
const SOURCE_TRUST = {
  given: 1,
  'json-ld': 1,
  microdata: 0.95,
  rdfa: 0.95,
  og: 0.8,
  state: 0.7,
  dom: 0.4,
} as const;

/** The score falls by a quarter with each position in the gallery. */
const POSITION_DECAY = 0.75;

/** An image whose shorter side has at least this many pixels is large enough for any preview. */
const FULL_SIZE = 800;

/** A product that takes this share of the frame fills it as usual. */
const FULL_SHARE = 0.15;
/** Used when the share cannot be measured. */
const UNKNOWN_SHARE = 0.6;

/** Frames up to 3:2 are usual for products. The signal falls from there to 4:1. */
const USUAL_ASPECT = 1.5;
const WORST_ASPECT = 4;

/**
 * Ranks images by what the page says about them and by the properties of a thumbnail, without a
 * model.
 */
export function createHeuristicRanker(): ImageRanker {
  return {
    name: 'heuristic',
    rank: async (images, product) => ({
      method: 'heuristic',
      model: null,
      ranked: images
        .map((image) => ({ image, score: scoreImage(image, product.title) }))
        .sort((a, b) => b.score - a.score),
    }),
    close: async () => {},
  };
}

function scoreImage(image: CollectedImage, title: string): number {
  const short = Math.min(image.width, image.height);
  const aspect = Math.max(image.width, image.height) / short;
  const signs = {
    source: SOURCE_TRUST[image.source],
    position: POSITION_DECAY ** image.position,
    alt: likeness(wordsOf(image.alt ?? ''), wordsOf(title)),
    border: image.borderUniformity,
    share: image.subjectShare === null ? UNKNOWN_SHARE : Math.min(1, image.subjectShare / FULL_SHARE),
    size: Math.min(1, short / FULL_SIZE),
    aspect: 1 - Math.min(1, Math.max(0, aspect - USUAL_ASPECT) / (WORST_ASPECT - USUAL_ASPECT)),
  };
  let score = 0;
  for (const sign of Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]) score += WEIGHTS[sign] * signs[sign];
  return Math.min(1, score) * (isDecoration(image, title) ? DECORATION_FACTOR : 1);
}

/**
 * Returns the mean of two shares: the title's words that the text contains, and the text's words
 * that the title contains. With the first alone, no short text would fit a long title. With the
 * second alone, one word would fit.
 */
function likeness(text: ReadonlySet<string>, title: ReadonlySet<string>): number {
  if (text.size === 0 || title.size === 0) return 0;
  const shared = [...title].filter((word) => text.has(word)).length;
  return (shared / title.size + shared / text.size) / 2;
}

function isDecoration({ url, alt }: CollectedImage, title: string): boolean {
  const path = URL.parse(url)?.pathname ?? '';
  const own = wordsOf(title);
  const said = [...wordsOf(path.slice(path.lastIndexOf('/') + 1)), ...wordsOf(alt ?? '')];
  return said.some((word) => DECORATION.test(word) && !own.has(word));
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []);
}
