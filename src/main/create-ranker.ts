import { ClipModelError } from '../adapters/images/clip-model.ts';
import { createClipRanker } from '../adapters/images/clip-ranker.ts';
import { createHeuristicRanker } from '../adapters/images/heuristic-ranker.ts';
import type { ImageDecoder } from '../adapters/images/image-decoder.ts';
import type { ImageRanker } from '../adapters/images/ranker.ts';
import type { Log } from '../lib/log.ts';
import { pickClipEnvironment } from './clip-environment.ts';
import { type Settings, SettingsError } from './config.ts';
import { MODELS_FOLDER } from './open-runtime.ts';

/**
 * Returns the ranker that IMAGE_RANKER asks for. `auto` is CLIP if CLIP_MODEL is set and can be
 * loaded, and rules otherwise, with a warning in the log.
 *
 * @throws SettingsError if `clip` is set and the model cannot be loaded.
 */
export async function createRanker(images: ImageDecoder, settings: Settings, log: Log): Promise<ImageRanker> {
  const { IMAGE_RANKER: wanted, CLIP_MODEL: model } = settings;
  const byRules = createHeuristicRanker();
  if (wanted === 'heuristic' || model === undefined) return byRules;
  log.info({ model, cache: MODELS_FOLDER }, 'loading the CLIP model');
  try {
    const env = pickClipEnvironment(process.env);
    return await createClipRanker({ images, model, cacheFolder: MODELS_FOLDER, log, fallback: byRules, env });
  } catch (error) {
    if (!(error instanceof ClipModelError)) throw error;
    if (wanted === 'clip') throw new SettingsError(`CLIP_MODEL cannot be loaded: ${error.message}.`);
    log.warn({ model, reason: error.message }, 'the CLIP model cannot be loaded; ranking images by rules');
    return byRules;
  }
}
