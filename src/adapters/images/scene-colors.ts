import { type Color, clampChroma, converter, formatHex } from 'culori';

/** The colors of a scene, from nearly white to nearly black, in one hue. */
export interface SceneColors {
  readonly light: string;
  readonly soft: string;
  readonly strong: string;
  readonly deep: string;
}

const toOklch = converter('oklch');

/** Hues for products that are black, white or gray. */
const DEFAULT_COLOR = ['#3d6f9e', '#b5656e', '#4f8a5b', '#c08a2e', '#6d5ca8'];
/** Below this chroma (OKLCH), a color looks gray. */
const MIN_CHROMA = 0.05;

/**
 * Returns the colors of a variant's scene. Variants take their hue from the colorful entries of the
 * palette in turn. Lightness is fixed (OKLCH), so that scenes of every hue have the same contrast.
 */
export function chooseSceneColors(palette: readonly string[], variant: number): SceneColors {
  const colorful = palette
    .map((hex) => toOklch(hex))
    .filter((color) => color !== undefined && color.c >= MIN_CHROMA && color.h !== undefined);
  const fallback = toOklch(DEFAULT_COLOR[variant % DEFAULT_COLOR.length] ?? '#3d6f9e');
  const { h = 0, c = 0 } = colorful[variant % Math.max(colorful.length, 1)] ?? fallback ?? {};
  return {
    light: shade(0.95, Math.min(c, 0.03), h),
    soft: shade(0.86, Math.min(c, 0.08), h),
    strong: shade(0.58, Math.min(c, 0.16), h),
    deep: shade(0.27, Math.min(c, 0.07), h),
  };
}

function shade(l: number, c: number, h: number): string {
  const color: Color = { mode: 'oklch', l, c, h };
  // For a color that screens cannot show, keep lightness and hue and reduce chroma.
  return formatHex(clampChroma(color, 'oklch'));
}
