import type { CollectedImage } from './collect-images.ts';
import type { ImageRanker } from './ranker.ts';

/**
 * What each sign is worth; together 1.
 * - source: shops keep their structured data right, because search engines show it. The strongest sign.
 * - position: the first image of a gallery is the one the shop itself chose.
 * - alt: an image called like the product shows it; many shops leave the text out, so it cannot weigh more.
 * - border: a plain ground is a packshot; a lively one is a room, a model, or an advertisement.
 * - share: a product fills its frame; a small thing on a large ground is an icon or an accessory.
 * - size: shops give the product more pixels than its surroundings.
 * - aspect: products are shown in frames near a square; banners are wide.
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

/** What an image keeps of its score when its file or its text says that it is no product. */
const DECORATION_FACTOR = 0.5;
/** Unless the product is one: the words of its title do not count. */
const DECORATION =
  /^(?:logos?|icons?|banners?|badges?|placeholder|sprites?|payments?|shipping|newsletter|sizechart|sizeguide|sizing|chart|guide|measurements?|swatch(?:es)?|certificates?|avatar|favicon)$/;

/** og:image is chosen by hand, but for sharing: at times a collage or with a logo. */
const SOURCE_TRUST = {
  given: 1,
  'json-ld': 1,
  microdata: 0.95,
  rdfa: 0.95,
  og: 0.8,
  state: 0.7,
  dom: 0.4,
} as const;

/** Each step down the gallery takes a quarter of what was left. */
const POSITION_DECAY = 0.75;

/** From this shorter side on an image is as large as a preview needs. */
const FULL_SIZE = 800;

/** From this share of the frame on a product fills it as usual. */
const FULL_SHARE = 0.15;
/** Where nobody can tell. */
const UNKNOWN_SHARE = 0.6;

/** Frames up to 3:2 are all usual for products; from there to 4:1 the sign fades. */
const USUAL_ASPECT = 1.5;
const WORST_ASPECT = 4;

/** Ranks images by what the page says of them and by how they look from afar, without a model. */
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
 * The mean of two shares: of the title's words that a text has, and of the text's words that are in the title. By the first
 * alone no short text fits a long title; by the second alone one word does.
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
