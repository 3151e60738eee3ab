import { serveParent } from '../../lib/serve-parent.ts';
import { MAX_DECODER_MB } from './image-limits.ts';

/* A process that decodes images for `image-decoder.ts`. */
serveParent(async () => (await import('./decode-image.ts')).decodeImage, { maxRssMb: MAX_DECODER_MB });
