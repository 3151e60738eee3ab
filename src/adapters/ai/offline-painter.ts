import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { BackgroundPainter, Brief, Picture } from './ai-provider.ts';
import { checkPicture } from './check-picture.ts';
import { cutOutProduct } from './cut-out-product.ts';
import { drawFill, drawShape, findScene, SCENE, wrapSvg } from './draw-scene.ts';
import { chooseSceneColors } from './scene-colors.ts';

/** As for every picture we decode. */
const MAX_PIXELS = 16_000_000;
/** Width of the blurred picture before it is enlarged. */
const SMALL = 120;

/** The built-in painter: a 1200 x 800 JPEG composed from the product's own picture and colours. */
export function createOfflinePainter(): BackgroundPainter {
  const model = 'compose-1';
  return {
    provider: 'offline',
    model,
    async paintBackground(brief, picture, call) {
      call.signal.throwIfAborted();
      call.onLeft();
      const bytes = await composeScene(brief, picture);
      call.signal.throwIfAborted();
      const checked = await checkPicture(bytes);
      call.signal.throwIfAborted();
      return { bytes, ...checked, model, usage: { inputTokens: null, outputTokens: null } };
    },
  };
}

async function composeScene(brief: Brief, picture: Picture): Promise<Buffer> {
  const scene = findScene(brief.variant);
  const colors = chooseSceneColors(brief.palette, brief.variant);
  const fill = drawFill(scene, colors);
  const shape = drawShape(scene, colors);
  // A picture that sharp cannot read costs the scene its product, not the preview its background.
  const [photo, product] = await Promise.all([
    scene.photo ? blurPicture(picture.bytes, fill).catch(() => null) : null,
    scene.place === 'none' ? [] : cutOutProduct(picture.bytes, scene).catch((): OverlayOptions[] => []),
  ]);
  const layers = photo !== null && shape !== '' ? [{ input: wrapSvg(shape) }, ...product] : product;
  return (photo ?? sharp(wrapSvg(fill + shape)))
    .composite(layers)
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 84 })
    .toBuffer();
}

/**
 * The picture as mere light and colour under the scene's fill. All of it is done while it is small: enlarging
 * smooths the rest, at a hundredth of the cost.
 */
async function blurPicture(bytes: Buffer, fill: string): Promise<Sharp> {
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
