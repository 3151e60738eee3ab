import { SingleBar } from 'cli-progress';
import { ClipModelError } from '../adapters/images/clip-model.ts';
import { findClipPlace } from '../adapters/images/find-clip-place.ts';
import { loadClipModel } from '../adapters/images/load-clip-model.ts';
import { type Settings, SettingsError } from './config.ts';
import { MODELS_FOLDER } from './open-runtime.ts';

/**
 * `models pull`: downloads a model into the cache and loads it, so that the next start finds one
 * that works. Idempotent: cached files are not downloaded again.
 */
export async function runModelsPull(settings: Settings, id: string | undefined): Promise<void> {
  const model = id ?? settings.CLIP_MODEL;
  if (model === undefined)
    throw new SettingsError('No model is named. Use "models pull ID", or set CLIP_MODEL.');
  const bar = new SingleBar({
    format: '{bar} {percentage}%  {mb} MB  {duration_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    hideCursor: true,
  });
  const files = new Map<string, { loaded: number; total: number }>();
  try {
    const place = findClipPlace(model);
    if (place.kind === 'hub') bar.start(1, 0, { mb: '0' });
    await loadClipModel({ model, cacheFolder: MODELS_FOLDER }, (file, loaded, total) => {
      files.set(file, { loaded, total: Math.max(loaded, total) });
      const [done, all] = [sum('loaded'), sum('total')];
      bar.setTotal(Math.max(1, all));
      bar.update(done, { mb: (done / 1_000_000).toFixed(1) });
    });
    bar.stop();
    process.stdout.write(
      place.kind === 'hub'
        ? `The model ${model} is in ${MODELS_FOLDER} and can be loaded.\n`
        : `The model in ${place.path} can be loaded; there is nothing to download.\n`,
    );
  } catch (error) {
    bar.stop();
    if (!(error instanceof ClipModelError)) throw error;
    throw new SettingsError(`The model ${model} cannot be downloaded: ${error.message}.`);
  }

  function sum(field: 'loaded' | 'total'): number {
    return [...files.values()].reduce((total, file) => total + file[field], 0);
  }
}
