import { contrastOf, MIN_CONTRAST } from './choose-colors.ts';

/** Below this, an image disturbs reading even if the contrast is high enough. In percent. */
const MIN_PERCENT = 80;
/**
 * Browsers round opacity and channels to 8 bits each, so the layer may be less opaque than
 * requested by up to this. In percent.
 */
const ROUNDING_PERCENT = 1;

/**
 * Returns how opaque (0.8 to 1) a layer of `surface` between an image and a `text` must be, so that
 * the text is readable over any image. Both are `#rrggbb`.
 *
 * A browser mixes each channel separately: shown = opacity · surface + (1 − opacity) · image.
 * Luminance grows with each channel, so the result over any pixel lies between the result over
 * black and the result over white. From 80 % on, these two are so close that the luminance of a
 * text with enough contrast to both cannot lie between them. So both are darker than the text, or
 * both are lighter, and every result between them has at least the smaller of the two contrasts.
 *
 * Returns the smallest opacity for which both contrasts are at least 4.5 (WCAG AA). If a person
 * chose two colors with less contrast, the layer is opaque, so that no image reduces it further.
 */
export function chooseScrimOpacity(surface: string, text: string): number {
  for (let percent = MIN_PERCENT; percent < 100; percent += 1) {
    const opacity = (percent - ROUNDING_PERCENT) / 100;
    const extremes = [mix(surface, 0, opacity), mix(surface, 255, opacity)];
    if (extremes.every((shown) => contrastOf(shown, text) >= MIN_CONTRAST)) return percent / 100;
  }
  return 1;
}

/** Mixes a `#rrggbb` with a gray of 0 to 255 behind it. */
function mix(surface: string, behind: number, opacity: number): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(surface.slice(at, at + 2), 16));
  const mixed = channels.map((value) => Math.round(opacity * value + (1 - opacity) * behind));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
