import { contrastOf, MIN_CONTRAST } from './choose-colors.ts';

/** Below this the image disturbs a text that could be read. In percent. */
const LEAST_PERCENT = 80;
/** Browsers keep opacity and channels in 8 bits each: what is shown may be thinner than asked for by this. In percent. */
const ROUNDING_PERCENT = 1;

/**
 * How opaque (0.8 to 1) a layer of `surface` between an image and a `text` must be, so that the text can be read whatever the image
 * is. Both are '#rrggbb'.
 *
 * A browser mixes each channel by itself: shown = opacity · surface + (1 − opacity) · image. Luminance grows with each channel,
 * so what is shown over any pixel lies between what is shown over black and over white. From 80 % on these two are too close to
 * each other for the text to have its contrast with both and lie between them: so both are darker than the text, or both are lighter, and
 * a contrast that the text has with both of them it has with everything between. The least opacity with which that is 4.5 (WCAG AA) is
 * taken. Colours with less contrast than that are a person's choice: no image shows through and takes away more.
 */
export function chooseScrimOpacity(surface: string, text: string): number {
  for (let percent = LEAST_PERCENT; percent < 100; percent += 1) {
    const opacity = (percent - ROUNDING_PERCENT) / 100;
    const extremes = [mix(surface, 0, opacity), mix(surface, 255, opacity)];
    if (extremes.every((shown) => contrastOf(shown, text) >= MIN_CONTRAST)) return percent / 100;
  }
  return 1;
}

/** A '#rrggbb' over a grey of 0 to 255. */
function mix(surface: string, behind: number, opacity: number): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(surface.slice(at, at + 2), 16));
  const mixed = channels.map((value) => Math.round(opacity * value + (1 - opacity) * behind));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
