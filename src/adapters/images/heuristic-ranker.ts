import type { CollectedImage } from './collect-images.ts';
import type { ImageRanker } from './ranker.ts';

/**
 * What each sign is worth; together 1.
 * - source: shops keep their structured data right, because search engines show it. The strongest sign.
 * - position: the first picture of a gallery is the one the shop itself chose.
 * - alt: a picture called like the product shows it; many shops leave the text out, so it cannot weigh more.
 * - border: a plain ground is a packshot; a lively one is a room, a model, or an advertisement.
 * - size: shops give the product more pixels than its surroundings.
 * - aspect: products are shown in frames near a square; banners are wide.
 */
const WEIGHTS = { source: 0.3, position: 0.25, alt: 0.15, border: 0.12, size: 0.1, aspect: 0.08 };

/** og:image is chosen by hand, but for sharing: at times a collage or with a logo. */
const SOURCE_TRUST = { 'json-ld': 1, microdata: 0.95, rdfa: 0.95, og: 0.8, state: 0.7, dom: 0.4 } as const;

/** Each step down the gallery takes a quarter of what was left. */
const POSITION_DECAY = 0.75;

/** From this shorter side on a picture is as large as a preview needs. */
const FULL_SIZE = 800;

/** Frames up to 3:2 are all usual for products; from there to 4:1 the sign fades. */
const USUAL_ASPECT = 1.5;
const WORST_ASPECT = 4;

/** Ranks pictures by what the page says of them and by how they look from afar, without a model. */
export function createHeuristicRanker(): ImageRanker {
  return {
    method: 'heuristic',
    model: null,
    rank: async (images, product) =>
      images
        .map((image) => ({ image, score: scoreImage(image, product.title) }))
        .sort((a, b) => b.score - a.score),
  };
}

function scoreImage(image: CollectedImage, title: string): number {
  const short = Math.min(image.width, image.height);
  const aspect = Math.max(image.width, image.height) / short;
  const signs = {
    source: SOURCE_TRUST[image.source],
    position: POSITION_DECAY ** image.position,
    alt: sharedWords(image.alt ?? '', title),
    border: image.borderUniformity,
    size: Math.min(1, short / FULL_SIZE),
    aspect: 1 - Math.min(1, Math.max(0, aspect - USUAL_ASPECT) / (WORST_ASPECT - USUAL_ASPECT)),
  };
  let score = 0;
  for (const sign of Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]) score += WEIGHTS[sign] * signs[sign];
  return Math.min(1, score);
}

/** The share of the title's words that a text has. */
function sharedWords(text: string, title: string): number {
  const wanted = wordsOf(title);
  const given = wordsOf(text);
  return wanted.size === 0 ? 0 : [...wanted].filter((word) => given.has(word)).length / wanted.size;
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []);
}
