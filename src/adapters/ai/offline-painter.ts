import type { ImageDecoder } from '../images/image-decoder.ts';
import type { BackgroundPainter } from './ai-provider.ts';

/**
 * The built-in painter. Composes a background of 1200 x 800 from the product's image and colors.
 */
export function createOfflinePainter(images: Pick<ImageDecoder, 'compose'>): BackgroundPainter {
  const model = 'compose-1';
  return {
    provider: 'offline',
    model,
    async paintBackground({ palette, variant }, image, call) {
      call.signal.throwIfAborted();
      call.onLeft();
      const background = await images.compose({ palette, variant }, image.bytes, call);
      return { ...background, model, usage: { inputTokens: null, outputTokens: null } };
    },
  };
}
