import type { ImageDecoder } from '../images/image-decoder.ts';
import type { BackgroundGenerator } from './ai-provider.ts';

/**
 * The built-in generator of backgrounds. Composes a background of 1200 x 800 from the product's
 * image and colors.
 */
export function createOfflineBackgroundGenerator(
  images: Pick<ImageDecoder, 'composeScene'>,
): BackgroundGenerator {
  const model = 'compose-1';
  return {
    provider: 'offline',
    model,
    async generateBackground({ palette, variant }, image, call) {
      call.signal.throwIfAborted();
      call.onLeft();
      const background = await images.composeScene({ palette, variant }, image.bytes, call);
      return { ...background, model, usage: { inputTokens: null, outputTokens: null } };
    },
  };
}
