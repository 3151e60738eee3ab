import { clampChroma, converter, formatHex, wcagContrast } from 'culori';
import type { Colors } from './prefill.ts';

/** WCAG 2.2, success criterion 1.4.3 (AA, normal text). */
export const MIN_CONTRAST = 4.5;

const toOklch = converter('oklch');
const NEUTRAL = '#1f2937';

/**
 * Colours of a CTA from the images it shows: the surface from the background, the button from the product's most
 * colourful tone. `#rrggbb`; text on surface and text on button have a contrast of at least 4.5.
 */
export function chooseColors(palettes: {
  background: readonly string[];
  product: readonly string[];
}): Colors {
  const background = toHex(palettes.background[0] ?? '#ffffff');
  const accents = [...palettes.product, ...palettes.background].map(toHex);
  const button = accents.filter((color) => color !== background).sort(byChroma)[0] ?? NEUTRAL;
  const surface = readable(background);
  const action = readable(
    wcagContrast(button, surface.fill) >= 1.5 ? button : shiftLightness(button, surface.fill),
  );
  return { background: surface.fill, text: surface.ink, button: action.fill, buttonText: action.ink };
}

/** The contrast of two '#rrggbb' colours by WCAG 2.2, 1 to 21. */
export function contrastOf(a: string, b: string): number {
  return wcagContrast(a, b);
}

/**
 * A fill and an ink that can be read on it. Of near-black and white one always reaches 4.5 on pure colours; the
 * loop is for what rounding to 8 bits may take away.
 */
function readable(fill: string): { fill: string; ink: string } {
  const ink = wcagContrast('#111111', fill) >= wcagContrast('#ffffff', fill) ? '#111111' : '#ffffff';
  let adjusted = fill;
  for (let step = 0; step < 20 && wcagContrast(ink, adjusted) < MIN_CONTRAST; step += 1) {
    adjusted = withLightness(adjusted, (l) => l + (ink === '#ffffff' ? -0.03 : 0.03));
  }
  return { fill: adjusted, ink };
}

/** Moves a button that would vanish on its surface to the other side of it. */
function shiftLightness(color: string, surface: string): string {
  const light = (toOklch(surface)?.l ?? 1) > 0.5;
  return withLightness(color, (l) => (light ? Math.min(l, 0.4) : Math.max(l, 0.8)));
}

function withLightness(color: string, change: (lightness: number) => number): string {
  const oklch = toOklch(color);
  if (!oklch) return NEUTRAL;
  const l = Math.min(Math.max(change(oklch.l), 0), 1);
  return formatHex(clampChroma({ ...oklch, l }, 'oklch'));
}

function byChroma(a: string, b: string): number {
  return (toOklch(b)?.c ?? 0) - (toOklch(a)?.c ?? 0);
}

function toHex(color: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? color.toLowerCase() : NEUTRAL;
}
