import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import { cutOutProduct } from './cut-out-product.ts';
import { drawFill, drawShape, findScene, SCENE, wrapSvg } from './draw-scene.ts';
import { MAX_PIXELS } from './image-limits.ts';
import { type Background, encodeBackground } from './make-background.ts';
import { chooseSceneColors } from './scene-colors.ts';

/** Width of the blurred image before it is enlarged. */
const SMALL = 120;

/** The input of a scene, apart from the image of the product. */
export interface SceneInput {
  /** The most used colors of the product's image, as `#rrggbb`. */
  readonly palette: readonly string[];
  /** From 0. Variants differ in their scene. */
  readonly variant: number;
}

/**
 * Composes a background of 1200 x 800 pixels from our own copy of the product's image. Must run in
 * a decoding process.
 */
export async function composeScene(input: SceneInput, image: Buffer): Promise<Background> {
  const scene = findScene(input.variant);
  const colors = chooseSceneColors(input.palette, input.variant);
  const fill = drawFill(scene, colors);
  const shape = drawShape(scene, colors);
  // If sharp cannot read the image, the scene has no product, but the preview has a background.
  const [photo, product] = await Promise.all([
    scene.photo ? blurImage(image, fill).catch(() => null) : null,
    scene.place === 'none' ? [] : cutOutProduct(image, scene).catch((): OverlayOptions[] => []),
  ]);
  const layers = photo !== null && shape !== '' ? [{ input: wrapSvg(shape) }, ...product] : product;
  const raw = await (photo ?? sharp(wrapSvg(fill + shape)))
    .composite(layers)
    .flatten({ background: '#ffffff' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encodeBackground(raw);
}

/**
 * Reduces the image to blurred light and color under the scene's fill. Works on a small image and
 * enlarges it at the end: enlarging smooths the rest, at a hundredth of the cost.
 */
async function blurImage(bytes: Buffer, fill: string): Promise<Sharp> {
  const small = await sharp(bytes, { limitInputPixels: MAX_PIXELS })
    .autoOrient()
    .resize(SMALL, (SMALL * SCENE.height) / SCENE.width, { fit: 'cover' })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .blur(7)
    .composite([{ input: wrapSvg(fill, SMALL) }])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = small.info;
  return sharp(small.data, { raw: { width, height, channels } }).resize(SCENE.width, SCENE.height, {
    kernel: 'cubic',
  });
}
