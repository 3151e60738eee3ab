import { clampChroma, converter, formatHex, wcagContrast } from 'culori';
import type { Colors } from './prefill.ts';

/** WCAG 2.2, success criterion 1.4.3 (AA, normal text). */
export const MIN_CONTRAST = 4.5;

const toOklch = converter('oklch');
const NEUTRAL = '#1f2937';

/**
 * Chooses the colors of a CTA from its images: the surface from the background, the button from the
 * most colorful tone of the product. Colors are `#rrggbb`; text on the surface and on the button
 * has a contrast of at least 4.5.
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

/** Returns the contrast of two `#rrggbb` colors by WCAG 2.2, 1 to 21. */
export function contrastOf(a: string, b: string): number {
  return wcagContrast(a, b);
}

/**
 * Returns a fill and a text color that is readable on it. On pure colors, near-black or white
 * always reaches 4.5; the loop makes up for the rounding to 8 bits.
 */
function readable(fill: string): { fill: string; ink: string } {
  const ink = wcagContrast('#111111', fill) >= wcagContrast('#ffffff', fill) ? '#111111' : '#ffffff';
  let adjusted = fill;
  for (let step = 0; step < 20 && wcagContrast(ink, adjusted) < MIN_CONTRAST; step += 1) {
    adjusted = withLightness(adjusted, (l) => l + (ink === '#ffffff' ? -0.03 : 0.03));
  }
  return { fill: adjusted, ink };
}

/**
 * Changes a button that hardly differs from its surface: darker on a light surface, lighter on a
 * dark one.
 */
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
